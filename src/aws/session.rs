//! Credentials of one account: assumed when first needed, renewed before they expire, once however many wait.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use aws_sdk_sts::config::IdentityCache;
use tokio::sync::Mutex;

use super::{
    action::{Action, STS},
    door::{Door, Tally},
    pace::Keys,
    problem::{Class, Problem},
};

/// How long the credentials are asked for: the most that role chaining allows
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>, read Oct 2026).
const DURATION_SECONDS: i32 = 3600;
/// How long before their end credentials are renewed; up to a minute more, so that accounts do not renew at once.
const RENEW_BEFORE: Duration = Duration::from_mins(5);

/// Assuming a role; permitted in the scanner's own account, not in the member's.
pub(crate) static ASSUME_ROLE: Action = Action::new(&STS, "AssumeRole");
/// Who the caller is.
pub(crate) static GET_CALLER_IDENTITY: Action = Action::new(&STS, "GetCallerIdentity");

/// The role to assume in a member account.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// The name of the role, the same in every account.
    pub(crate) role_name: String,
    pub(crate) external_id: Option<String>,
    /// `orgscan-` and the scan id.
    pub(crate) session_name: String,
    /// Narrows the session to the actions of the scan, where it fits.
    pub(crate) policy: Option<String>,
    /// The account of the caller, to whose quota `AssumeRole` counts.
    pub(crate) caller_account: String,
}

/// One account's credentials and client configuration.
pub(crate) struct Session {
    account: String,
    partition: &'static str,
    config: SdkConfig,
    role: Option<Role>,
    proved: AtomicBool,
}

struct Role {
    grant: Grant,
    arn: String,
    keys: Keys,
    slot: Slot,
    assuming: Mutex<()>,
}

/// Where the current credentials lie; the SDK reads them from here for each request.
#[derive(Clone, Debug, Default)]
struct Slot(Arc<RwLock<(u64, Option<Credentials>)>>);

impl Slot {
    fn read(&self) -> (u64, Option<Credentials>) {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, credentials: Credentials) -> u64 {
        let mut slot = self.0.write().unwrap_or_else(PoisonError::into_inner);
        slot.0 += 1;
        slot.1 = Some(credentials);
        slot.0
    }
}

impl ProvideCredentials for Slot {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let credentials: provider::Result =
            self.read().1.ok_or_else(|| CredentialsError::not_loaded("the role has not been assumed"));
        future::ProvideCredentials::ready(credentials)
    }
}

impl Session {
    /// The caller's own account: its credentials are used as they are.
    pub(crate) fn of_caller(door: &Door, account: &str, partition: &'static str) -> Self {
        Self {
            account: account.to_owned(),
            partition,
            config: door.config.clone(),
            role: None,
            proved: AtomicBool::new(false),
        }
    }

    /// A member account, reached through a role.
    pub(crate) fn of_member(door: &Door, account: &str, partition: &'static str, grant: Grant) -> Self {
        let slot = Slot::default();
        let config = door
            .config
            .clone()
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(slot.clone()))
            .identity_cache(IdentityCache::no_cache())
            .build();
        let role = Role {
            arn: format!("arn:{partition}:iam::{account}:role/{}", grant.role_name),
            keys: Keys::new(&grant.caller_account, door.home_region()),
            grant,
            slot,
            assuming: Mutex::default(),
        };
        Self { account: account.to_owned(), partition, config, role: Some(role), proved: AtomicBool::new(false) }
    }

    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    pub(crate) fn partition(&self) -> &'static str {
        self.partition
    }

    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The credentials have worked somewhere.
    pub(crate) fn prove(&self) {
        self.proved.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_proved(&self) -> bool {
        self.proved.load(Ordering::Relaxed)
    }

    /// Makes sure that there are credentials with some minutes left; returns which generation they are.
    pub(crate) async fn ready(&self, door: &Door, tally: &Tally) -> Result<u64, Problem> {
        let Some(role) = &self.role else { return Ok(0) };
        match role.slot.read() {
            (generation, Some(credentials)) if is_fresh(&credentials) => Ok(generation),
            (generation, _) => self.assume(role, door, tally, generation).await,
        }
    }

    /// Assumes the role again, unless someone has done so since the given generation.
    pub(crate) async fn renew(&self, door: &Door, tally: &Tally, generation: u64) -> Result<u64, Problem> {
        match &self.role {
            Some(role) => self.assume(role, door, tally, generation).await,
            None => Ok(0),
        }
    }

    async fn assume(&self, role: &Role, door: &Door, tally: &Tally, seen: u64) -> Result<u64, Problem> {
        let _turn = role.assuming.lock().await;
        let (generation, _) = role.slot.read();
        if generation != seen {
            return Ok(generation);
        }
        let ask = || {
            door.sts()
                .assume_role()
                .role_arn(&role.arn)
                .role_session_name(&role.grant.session_name)
                .duration_seconds(DURATION_SECONDS)
                .set_external_id(role.grant.external_id.clone())
                .set_policy(role.grant.policy.clone())
                .send()
        };
        let answer =
            door.attempts(&ASSUME_ROLE, &role.keys, tally, ask).await.map_err(|it| Self::not_assumed(role, it))?;
        let assumed = answer.assumed_role_user().map(|it| it.arn().to_owned()).unwrap_or_default();
        if assumed.split(':').nth(4) != Some(self.account.as_str()) {
            let text = format!("the role assumed is {assumed}, not one in account {}", self.account);
            return Err(Problem::new(Class::InvalidExchange, &ASSUME_ROLE, text));
        }
        let Some(credentials) = answer.credentials() else {
            return Err(Problem::new(Class::InvalidExchange, &ASSUME_ROLE, "the answer holds no credentials"));
        };
        let expiry = SystemTime::try_from(*credentials.expiration()).ok();
        Ok(role.slot.write(Credentials::new(
            credentials.access_key_id(),
            credentials.secret_access_key(),
            Some(credentials.session_token().to_owned()),
            expiry,
            "orgscan",
        )))
    }

    fn not_assumed(role: &Role, problem: Problem) -> Problem {
        match problem.class {
            Class::AccessDenied => {
                let text = format!(
                    "cannot assume {}: the role is missing, or its trust policy or external id does not admit the caller ({})",
                    role.arn, problem.message
                );
                Problem::new(Class::RoleMissing, &ASSUME_ROLE, text)
            }
            _ => problem,
        }
    }
}

fn is_fresh(credentials: &Credentials) -> bool {
    let early = RENEW_BEFORE + Duration::from_millis(fastrand::u64(0..60_000));
    credentials.expiry().is_none_or(|end| SystemTime::now() + early < end)
}
