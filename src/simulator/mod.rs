//! A made-up AWS organization on loopback that speaks AWS's own wire protocols: for the demo, the benchmark and the tests.
//!
//! Nothing is stored: a resource is computed from a seed, its account, its region and its number whenever it is asked for,
//! so that memory does not grow with accounts. What AWS does at its door is done here as well: signatures are checked,
//! requests are counted against the published limits, pages are short and now and then empty.

mod answer;
mod call;
mod counts;
mod credentials;
pub(crate) mod fault;
mod limits;
mod listen;
mod serve;
mod services;
mod signature;
#[cfg(test)]
mod tests;
pub(crate) mod world;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::task::JoinHandle;

pub(crate) use self::counts::Counts;
use self::{fault::Fault, serve::Stand, world::World};

/// The access key of the scanner's own account.
pub(crate) const ACCESS_KEY: &str = "AKIAORGSCANSIMULATOR";
/// The secret that belongs to it. It opens nothing but the simulator.
pub(crate) const SECRET_KEY: &str = "orgscan-simulator";
/// The most accounts that the account ids leave room for.
pub(crate) const MOST_ACCOUNTS: usize = 10_000;

/// What is made up, and what goes wrong in it.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How many accounts the organization has, the management account and suspended ones included.
    pub(crate) accounts: usize,
    /// Everything follows from it.
    pub(crate) seed: u64,
    /// How much there is in a place, as a multiple of what is usual.
    pub(crate) density: f64,
    pub(crate) faults: Vec<Fault>,
    /// The version of the template that most accounts have their role from.
    pub(crate) template_version: String,
    /// The port on loopback; 0 for any that is free.
    pub(crate) port: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { accounts: 40, seed: 1, density: 1.0, faults: Vec::new(), template_version: String::new(), port: 0 }
    }
}

/// A simulator that runs until it is dropped.
pub(crate) struct Simulator {
    address: SocketAddr,
    stand: Arc<Stand>,
    serving: JoinHandle<()>,
}

impl Simulator {
    /// Starts it on loopback, and on nothing else.
    ///
    /// # Errors
    /// When the port is taken.
    pub(crate) async fn start(settings: &Settings) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).await?;
        let address = listener.local_addr()?;
        let world = World::new(settings.accounts, settings.seed, settings.density);
        let world = world.with_template(&settings.template_version);
        let stand = Arc::new(Stand::new(world, settings.faults.clone()));
        let serving = tokio::spawn(serve::serve(listener, Arc::clone(&stand)));
        Ok(Self { address, stand, serving })
    }

    /// Where it listens, as `AWS_ENDPOINT_URL` wants it.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The AWS standard variables that lead a command to it.
    pub(crate) fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_REGION", world::HOME.to_owned()),
        ]
    }

    /// What has been asked of it so far.
    pub(crate) fn counts(&self) -> Counts {
        self.stand.counts()
    }

    /// The world it shows.
    #[cfg(test)]
    pub(crate) fn world(&self) -> &World {
        &self.stand.world
    }

    /// The AWS configuration of the scanner in this organization. It takes nothing from the environment, so that the real
    /// AWS cannot be reached by mistake; the proxy neither, as loopback needs none.
    pub(crate) fn config(&self) -> SdkConfig {
        let http = aws_smithy_http_client::Builder::new().build_with_connector_fn(|settings, components| {
            let mut connector = Connector::builder();
            connector.set_connector_settings(settings.cloned());
            connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
            connector.build_http()
        });
        let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "simulator");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static(world::HOME))
            .endpoint_url(self.endpoint())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http)
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .build()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
