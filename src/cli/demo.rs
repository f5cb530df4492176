//! `orgscan demo`: a made-up organization, a scan of it, and what a FinOps lead would want to know of the result.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::json;

use super::{
    COMPLETE, Failure, KEPT_BY_A_COMMAND, KEPT_BY_A_SERVER, output, stop_on_signal, summary, usual_rollout,
    watch::watch,
};
use crate::{
    aws::door::Terms,
    checks,
    engine::{
        Engine, Settings,
        request::{self, Request, Shared},
        scan::Answers,
    },
    generate,
    server::{self, tools::Server},
    simulator::{
        self, Simulator,
        fault::{self, Fault, Kind, duration},
        world::World,
    },
};

/// In how small an organization nothing goes wrong unless asked for.
const FAULTS_FROM: usize = 10;

/// What is made up.
#[derive(Clone, Debug, Args)]
struct Making {
    /// How many accounts the organization has.
    #[arg(long, default_value = "40", value_parser = clap::value_parser!(u32).range(1..=i64::try_from(simulator::MOST_ACCOUNTS).unwrap_or(i64::MAX)), value_name = "N")]
    accounts: u32,

    /// Another number gives another organization; the same number the same one.
    #[arg(long, default_value = "1", value_name = "N")]
    seed: u64,

    /// How long an answer takes, at the median.
    #[arg(long, default_value = "20ms", value_parser = duration, value_name = "TIME")]
    latency: Duration,

    #[arg(long = "fault", value_name = "FAULT", help = fault_help())]
    faults: Vec<Fault>,
}

#[derive(Clone, Debug, Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    making: Making,

    /// How many regions to scan in each account.
    #[arg(long, default_value = "6", value_parser = clap::value_parser!(u16).range(1..=17), value_name = "1-17")]
    regions: u16,

    /// Do not scan: keep the organization, and serve MCP over it for an AI client.
    #[arg(long)]
    serve: bool,

    /// The port to serve MCP on.
    #[arg(long, default_value = "8000", value_name = "PORT")]
    port: u16,
}

#[derive(Clone, Debug, Args)]
pub(super) struct SimulatorArgs {
    #[command(flatten)]
    making: Making,

    /// How much there is in each place, as a multiple of what is usual.
    #[arg(long, default_value = "1", value_parser = density, value_name = "0-100")]
    density: f64,

    /// The port to listen on; 0 for any that is free.
    #[arg(long, default_value = "0", value_name = "PORT")]
    port: u16,
}

fn fault_help() -> String {
    format!(
        "What goes wrong: KIND or KIND:account=ID,region=NAME,action=SERVICE:OPERATION,rate=0.1. Kinds: {}. Can be given several \
         times",
        fault::kinds()
    )
}

fn density(text: &str) -> Result<f64, String> {
    let density: Option<f64> = text.parse().ok().filter(|it| (0.0..=100.0).contains(it));
    density.ok_or_else(|| "must be between 0 and 100".to_owned())
}

impl Making {
    fn settings(&self, density: f64, port: u16) -> simulator::Settings {
        let latency = Fault::new(Kind::Latency { median: self.latency, spread: 0.5 });
        let slow = (!self.latency.is_zero()).then_some(latency);
        simulator::Settings {
            accounts: self.accounts as usize,
            seed: self.seed,
            density,
            faults: self.faults.iter().cloned().chain(slow).collect(),
            template_version: generate::template_version(),
            port,
        }
    }
}

async fn started(settings: &simulator::Settings) -> Result<Simulator, Failure> {
    let port = settings.port;
    Simulator::start(settings).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure(format!("port {port} is in use; choose another with --port")),
        _ => Failure(format!("cannot listen on 127.0.0.1:{port}: {error}")),
    })
}

/// What goes wrong in a demo when nothing is asked for: an account without the role and a region that a policy denies, so
/// that the ledger has something to tell.
fn usual_faults(accounts: usize) -> Vec<Fault> {
    if accounts < FAULTS_FROM {
        return Vec::new();
    }
    let world = World::new(accounts, 0, 1.0);
    let account = |number| Some(world.account(number).id);
    vec![
        Fault { account: account(accounts / 3), ..Fault::new(Kind::RoleMissing) },
        Fault { account: account(accounts / 2), region: Some("eu-central-1".to_owned()), ..Fault::new(Kind::ScpDeny) },
    ]
}

/// `orgscan simulator`.
pub(super) async fn simulator(args: &SimulatorArgs) -> Result<u8, Failure> {
    let stop = stop_on_signal();
    let simulator = started(&args.making.settings(args.density, args.port)).await?;
    let lines = simulator.environment().map(|(name, value)| format!("export {name}={value}"));
    output::print(&lines.join("\n"))?;
    stop.cancelled().await;
    Ok(COMPLETE)
}

/// `orgscan demo`.
pub(super) async fn run(args: DemoArgs) -> Result<u8, Failure> {
    let mut settings = args.making.settings(1.0, 0);
    if args.making.faults.is_empty() {
        settings.faults.extend(usual_faults(settings.accounts));
    }
    let simulator = started(&settings).await?;
    let kept_bytes = if args.serve { KEPT_BY_A_SERVER } else { KEPT_BY_A_COMMAND };
    let usual = Settings::usual();
    let engine = Settings { terms: Terms { kept_bytes, ..usual.terms }, ..usual };
    let engine = Arc::new(Engine::new(simulator.config(), engine, checks::all()));
    if args.serve { serve(&args, &simulator, engine).await } else { scan_it(&args, &simulator, &engine).await }
}

async fn serve(args: &DemoArgs, simulator: &Simulator, engine: Arc<Engine>) -> Result<u8, Failure> {
    let stop = stop_on_signal();
    let listener = server::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port))).await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    let http = json!({"mcpServers": {"orgscan-demo": {"type": "http", "url": url}}});
    let environment: BTreeMap<_, _> = simulator.environment().into_iter().collect();
    let command = std::env::current_exe().map_or_else(|_| "orgscan".to_owned(), |it| it.display().to_string());
    let stdio = json!({"mcpServers": {"orgscan-demo": {"command": command, "args": ["stdio"], "env": environment}}});
    output::print(&format!(
        "A made-up organization of {} accounts, and MCP over it, until Ctrl-C.\n\n\
         For clients that speak HTTP:\n{}\n\n\
         For clients that start a command:\n{}\n\n\
         Then ask, for example: where does our money go to waste?",
        args.making.accounts,
        serde_json::to_string_pretty(&http)?,
        serde_json::to_string_pretty(&stdio)?,
    ))?;
    let server = Server::new(Arc::clone(&engine), &engine.checks, Some(usual_rollout()));
    server::http(server, listener, None, stop).await?;
    Ok(COMPLETE)
}

async fn scan_it(args: &DemoArgs, simulator: &Simulator, engine: &Arc<Engine>) -> Result<u8, Failure> {
    let regions = simulator::world::regions().into_iter().take(args.regions.into()).map(str::to_owned).collect();
    let shared = Shared { regions, ..Shared::default() };
    let asked = checks::all().into_iter().map(|check| request::read(check, serde_json::Map::new()).map(|it| it.asked));
    let request = Request { asked: asked.collect::<Result<_, _>>()?, selection: shared.selection()? };
    let stop = stop_on_signal();
    let begun = Instant::now();
    let scan = engine.start(request)?;
    watch(scan.as_ref(), None, stop).await;
    let took = begun.elapsed();
    output::print(&summary(args, &scan.answers()?, took, simulator.counts().most_at_once))?;
    Ok(COMPLETE)
}

/// The summary of the scan, between where it was made and what to do next.
fn summary(args: &DemoArgs, answers: &Answers<'_>, took: Duration, at_once: usize) -> String {
    let making = &args.making;
    let opening = format!(
        "A made-up organization: {} accounts, {} regions, seed {}. No AWS account was touched.",
        making.accounts, args.regions, making.seed
    );
    let took = format!("Took {:.1} s, with at most {at_once} calls at once.", took.as_secs_f64());
    [opening, summary::of(answers), took, NEXT.to_owned()].join("\n\n")
}

/// What a newcomer may try.
const NEXT: &str = "Try next:
  orgscan demo --serve                          the same organization for an AI client, over MCP
  orgscan demo --accounts 500                   a larger one
  orgscan demo --fault throttle:rate=0.1        what happens when AWS throttles
  orgscan scan --single-account                 your own account, with the credentials at hand
  orgscan doctor                                what keeps it from seeing your whole organization
  orgscan scan --dry-run                        what a scan of your organization would take
  orgscan policy                                the permissions it needs";
