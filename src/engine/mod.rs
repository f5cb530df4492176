//! Where and how fast: accounts, credentials, regions, plan, fan-out, deadline, merge. Knows no check by name.

pub(crate) mod course;
pub(crate) mod diagnosis;
pub(crate) mod doctor;
pub(crate) mod fanout;
pub(crate) mod ledger;
pub mod organization;
pub(crate) mod pile;
pub(crate) mod plan;
pub(crate) mod preview;
pub(crate) mod remedy;
pub mod report;
pub(crate) mod request;
pub(crate) mod roster;
pub(crate) mod scan;
pub(crate) mod selection;
mod sharing;
mod tags;
pub(crate) mod totals;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_config::SdkConfig;
use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio::sync::{OnceCell, Semaphore};

use self::{
    course::Running,
    doctor::{Examination, Visit},
    organization::{Member, Organization},
    request::Request,
    scan::Scan,
    selection::Selection,
};
use crate::{
    aws::{
        Declared, Place, Question,
        account::EnabledRegions,
        action::Action,
        door::{ATTEMPT_TIMEOUT, Door, QUOTA_SHARE, Tally, Terms},
        iam::{PoliciesOf, RolePolicies},
        pace::Keys,
        partition,
        problem::{Class, Problem},
        session::{ASSUME_ROLE, GET_CALLER_IDENTITY, Grant, Session},
        tagging::TagsOf,
    },
    check::Check,
};

/// How long the list of accounts serves scans that follow.
const LISTING_KEPT_FOR: Duration = Duration::from_mins(5);
/// How long a scan can be read again.
const SCANS_KEPT_FOR: Duration = Duration::from_mins(15);
/// The longest that a scan may run when nobody ends it.
const LONGEST_SCAN: Duration = Duration::from_hours(2);
/// How many scans can be read again.
const SCANS_KEPT: u64 = 32;

/// Where the accounts come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// AWS Organizations; the caller's own account where there is no organization or no permission to list it.
    Organization,
    /// A plain list; Organizations is not called.
    List(Vec<(String, Option<String>)>),
    /// The caller's own account.
    Single,
}

/// The role in each member account, unless another is named.
pub(crate) const ROLE_NAME: &str = "OrgscanReadOnly";
/// The StackSet that brings the role: `organization.yaml` names it after its stack, which `docs/rollout.md` calls `orgscan`.
pub(crate) const STACK_SET: &str = "orgscan-member-role";
/// How many targets are looked at at once, unless said otherwise.
pub(crate) const CONCURRENCY: u16 = 128;
/// The most that the charged calls of one scan may cost, in USD, unless said otherwise.
pub(crate) const MAX_CHARGE: Decimal = Decimal::ONE;

/// What is the same for all scans of a process.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) source: Source,
    /// The name of the role in each member account.
    pub(crate) role_name: String,
    pub(crate) external_id: Option<String>,
    /// On what terms AWS is asked.
    pub(crate) terms: Terms,
    /// How many targets are looked at at once.
    pub(crate) concurrency: usize,
    /// The most that the charged calls of one scan may cost, in USD.
    pub(crate) max_charge: Decimal,
}

impl Settings {
    /// What holds where nothing else is said: the whole organization, and nothing kept for questions that follow.
    pub(crate) fn usual() -> Self {
        Self {
            source: Source::Organization,
            role_name: ROLE_NAME.to_owned(),
            external_id: None,
            terms: Terms { share: QUOTA_SHARE, attempt_timeout: ATTEMPT_TIMEOUT, kept_bytes: 0 },
            concurrency: CONCURRENCY.into(),
            max_charge: MAX_CHARGE,
        }
    }
}

/// Why a scan could not run at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The caller has no usable credentials.
    #[error(
        "cannot use the AWS credentials: {0}; set AWS_PROFILE or the AWS_ACCESS_KEY_ID variables, or run where a role is attached"
    )]
    Credentials(Problem),
    /// AWS did not answer the first question of all.
    #[error("cannot reach AWS: {0}; check the network, HTTPS_PROXY, SSL_CERT_FILE, AWS_REGION and AWS_ENDPOINT_URL")]
    Unreachable(Problem),
    /// The accounts could not be listed, for a reason that may pass.
    #[error("cannot list the accounts: {0}; try again, or name the accounts with --accounts-file")]
    Accounts(Problem),
    /// The policies of a role could not be read.
    #[error("cannot read the policies of role {0}: {1}; --diff compares with a file instead")]
    Role(String, Problem),
    /// What was chosen does not exist.
    #[error("{0}")]
    Selection(String),
    /// The charged calls would go over the cap.
    #[error("{0}")]
    Charge(String),
}

/// Who runs the scanner.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) account: String,
    pub(crate) partition: &'static str,
}

#[derive(Clone)]
struct Listing {
    at: Instant,
    organization: Organization,
    members: Arc<Vec<Member>>,
}

/// The engine of a process.
pub(crate) struct Engine {
    pub(crate) settings: Settings,
    pub(crate) checks: Vec<&'static Check>,
    door: Arc<Door>,
    /// The turns to look at a target, shared by all scans of the process.
    width: Semaphore,
    caller: OnceCell<Caller>,
    listing: Mutex<Option<Listing>>,
    scans: moka::sync::Cache<String, Arc<Scan>>,
    examinations: moka::sync::Cache<String, Arc<Examination>>,
}

/// What can be read again for some minutes, by id.
fn kept<T: Clone + Send + Sync + 'static>() -> moka::sync::Cache<String, T> {
    moka::sync::Cache::builder().max_capacity(SCANS_KEPT).time_to_idle(SCANS_KEPT_FOR).build()
}

/// The actions that the engine itself needs in each member account.
pub(crate) fn member_actions() -> Vec<&'static Action> {
    [EnabledRegions::ACTIONS, TagsOf::ACTIONS].concat()
}

/// The actions that the engine needs in the scanner's own account.
pub(crate) fn scanner_actions() -> Vec<&'static Action> {
    [organization::ACTIONS, &[&ASSUME_ROLE, &GET_CALLER_IDENTITY]].concat()
}

/// The actions of the operator's own commands, asked with the operator's own credentials.
pub(crate) fn operator_actions() -> &'static [&'static Action] {
    PoliciesOf::ACTIONS
}

impl Engine {
    /// An engine with an AWS configuration. Nothing is called yet.
    pub(crate) fn new(config: SdkConfig, settings: Settings, checks: Vec<&'static Check>) -> Self {
        let of_checks = checks.iter().flat_map(|it| it.actions());
        let allowed: HashSet<_> = of_checks
            .chain(member_actions())
            .chain(scanner_actions())
            .chain(doctor::member_actions().iter().copied())
            .chain(doctor::scanner_actions())
            .chain(operator_actions().iter().copied())
            .map(|it| (it.service.sdk, it.operation))
            .collect();
        let door = Arc::new(Door::new(config, settings.terms, allowed));
        Self {
            width: Semaphore::new(settings.concurrency),
            settings,
            checks,
            door,
            caller: OnceCell::new(),
            listing: Mutex::default(),
            scans: kept(),
            examinations: kept(),
        }
    }

    /// Starts a scan; it goes on by itself until it is done or cancelled.
    pub(crate) fn start(self: &Arc<Self>, request: Request) -> Result<Arc<Scan>, Refused> {
        let scan = Arc::new(Scan::new(request, self.settings.max_charge)?);
        self.scans.insert(scan.id.clone(), Arc::clone(&scan));
        let (engine, running) = (Arc::clone(self), Arc::clone(&scan));
        tokio::spawn(async move {
            tracing::info!(scan.id = running.id, scan.tools = running.asked.len(), "scan begins");
            running.course().run(Box::pin(fanout::drive(&engine, &running)), LONGEST_SCAN).await;
            engine.door.pace.sweep();
            running.finish();
        });
        Ok(scan)
    }

    /// A scan that was started some minutes ago.
    pub(crate) fn scan(&self, id: &str) -> Option<Arc<Scan>> {
        self.scans.get(id)
    }

    /// Starts a trial of all accounts; it goes on by itself until it is done or cancelled.
    pub(crate) fn examine(self: &Arc<Self>, visit: Visit) -> Arc<Examination> {
        let examination = Arc::new(Examination::new(visit, &self.settings.role_name, self.settings.max_charge));
        self.examinations.insert(examination.id.clone(), Arc::clone(&examination));
        let (engine, running) = (Arc::clone(self), Arc::clone(&examination));
        tokio::spawn(async move {
            running.course().run(Box::pin(doctor::drive(&engine, &running)), LONGEST_SCAN).await;
            engine.door.pace.sweep();
            running.course().end();
        });
        examination
    }

    /// A trial that was started some minutes ago.
    pub(crate) fn examination(&self, id: &str) -> Option<Arc<Examination>> {
        self.examinations.get(id)
    }

    /// Who the caller is; asked once.
    pub(crate) async fn caller(&self, tally: &Tally) -> Result<&Caller, Refused> {
        let ask = async {
            let keys = Keys::new("caller", self.door.home_region());
            let send = || self.door.sts().get_caller_identity().send();
            let answer = self.door.attempts(&GET_CALLER_IDENTITY, &keys, tally, send).await?;
            let partition = answer.arn().and_then(|it| it.split(':').nth(1)).unwrap_or("aws");
            match answer.account() {
                Some(account) => {
                    Ok(Caller { account: account.to_owned(), partition: partition::named(partition).name })
                }
                None => Err(Problem::new(Class::InvalidExchange, &GET_CALLER_IDENTITY, "the answer names no account")),
            }
        };
        self.caller.get_or_try_init(|| ask).await.map_err(|problem| match problem.class {
            Class::CredentialsInvalid | Class::CredentialsExpired | Class::ClockSkew | Class::AccessDenied => {
                Refused::Credentials(problem)
            }
            _ => Refused::Unreachable(problem),
        })
    }

    /// The policies of a role in the account of the credentials, and that account.
    pub(crate) async fn policies_of(&self, role: &str) -> Result<(String, RolePolicies), Refused> {
        let tally = Arc::new(Tally::new(Decimal::ZERO));
        let account = self.caller(&tally).await?.account.clone();
        let at = self.scanner_place(&account, &tally, Timestamp::now());
        let policies = PoliciesOf { role: role.to_owned() }.ask(&at).await;
        policies.map(|it| (account, it)).map_err(|it| Refused::Role(role.to_owned(), it))
    }

    fn configured_region(&self) -> &str {
        self.door.config.region().map_or("us-east-1", AsRef::as_ref)
    }

    /// The scanner's own account, in the region of the global services. The account may be a stand-in where it is not
    /// known: Organizations does not need it.
    pub(crate) fn scanner_place(&self, account: &str, tally: &Arc<Tally>, now: Timestamp) -> Place {
        let partition = partition::of_region(self.configured_region());
        let session = Arc::new(Session::of_caller(&self.door, account, partition.name));
        Place::new(Arc::clone(&self.door), session, Arc::clone(tally), partition.global, now)
    }

    /// The session of an account, under a name and narrowed by a policy where there is one.
    pub(crate) fn session(&self, caller: &Caller, account: &str, name: &str, policy: Option<String>) -> Session {
        if account == caller.account {
            return Session::of_caller(&self.door, account, caller.partition);
        }
        let grant = Grant {
            role_name: self.settings.role_name.clone(),
            external_id: self.settings.external_id.clone(),
            session_name: name.to_owned(),
            policy,
            caller_account: caller.account.clone(),
        };
        Session::of_member(&self.door, account, caller.partition, grant)
    }

    fn kept_listing(&self) -> Option<Listing> {
        let listing = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        listing.clone().filter(|it| it.at.elapsed() < LISTING_KEPT_FOR)
    }

    fn keep_listing(&self, organization: Organization, members: Vec<Member>) {
        let listing = Listing { at: Instant::now(), organization, members: Arc::new(members) };
        *self.listing.lock().unwrap_or_else(PoisonError::into_inner) = Some(listing);
    }
}

/// Fills in what a selection goes by and the list of accounts does not tell: names of units, tags. What cannot be read
/// refuses the scan, since nobody could say which accounts are meant.
pub(crate) async fn describe_for(selection: &Selection, at: &Place, members: &mut [Member]) -> Result<(), Refused> {
    if selection.names_units() {
        name_units(at, members).await.map_err(Refused::Accounts)?;
    }
    if selection.names_tags() {
        for member in members {
            member.tags = Some(organization::account_tags(at, &member.id).await.map_err(Refused::Accounts)?);
        }
    }
    Ok(())
}

/// Fills in the paths of organizational units by name.
pub(crate) async fn name_units(at: &Place, members: &mut [Member]) -> Result<(), Problem> {
    let names: std::collections::HashMap<_, _> = organization::unit_names(at).await?.into_iter().collect();
    for member in members {
        let path = member.unit_ids.as_ref().map(|ids| {
            let path = ids.iter().map(|id| names.get(id).map_or(id.as_str(), String::as_str));
            path.collect::<Vec<_>>().join("/")
        });
        member.unit_path = path;
    }
    Ok(())
}
