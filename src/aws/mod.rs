//! How we ask: the door, the collectors, metrics and prices. The only home of AWS data calls.
//!
//! A collector asks one list-like question in one place and returns plain structs. It judges nothing, reads every page,
//! and carries its actions once.

pub(crate) mod account;
pub mod action;
pub(crate) mod alarms;
pub(crate) mod auto_scaling;
pub(crate) mod aws_config;
pub(crate) mod cloudformation;
pub(crate) mod cloudfront;
pub(crate) mod compute_optimizer;
pub(crate) mod cost_explorer;
pub(crate) mod cost_optimization_hub;
pub(crate) mod door;
pub(crate) mod ec2;
pub(crate) mod ecr;
pub(crate) mod ecs;
pub(crate) mod eventbridge;
pub(crate) mod iam;
pub(crate) mod lambda;
pub(crate) mod load_balancing;
pub(crate) mod logs;
pub(crate) mod metrics;
pub mod pace;
pub(crate) mod partition;
pub(crate) mod prices;
pub mod problem;
#[cfg(test)]
pub(crate) mod replies;
pub(crate) mod route53;
pub(crate) mod s3;
pub(crate) mod session;
pub(crate) mod sns;
pub(crate) mod sqs;
pub(crate) mod store;
pub(crate) mod tagging;
pub(crate) mod trial;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    future::Future,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::region::Region;
use jiff::Timestamp;

use self::{
    action::Action,
    door::{Door, Tally},
    pace::Keys,
    problem::{Class, Problem},
    session::Session,
    store::Store,
    trial::Trial,
};

/// Tags of a resource, by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// The most pages of one list that are read before the list is taken to be endless.
const MOST_PAGES: usize = 100_000;

/// What a check may need: it has a name and the AWS actions behind it.
pub(crate) trait Declared: Send + Sync + 'static {
    /// The name in documentation, for example `ec2::Volume`.
    const NAME: &'static str;
    /// Every AWS action that getting it may take.
    const ACTIONS: &'static [&'static Action];
}

/// A kind of thing that AWS can list in one place.
pub(crate) trait Collect: Declared + Sized {
    /// Reads all of them, every page.
    fn collect(at: &Place) -> impl Future<Output = Result<Vec<Self>, Problem>> + Send;
}

/// A question with parameters. Equal words mean the same question.
pub(crate) trait Question: Declared + Debug {
    /// What AWS knows about it.
    type Answer: Send + Sync + 'static;

    /// The question in words, without the place.
    fn words(&self) -> String {
        format!("{self:?}")
    }

    /// How many bytes an answer takes, roughly, to bound the memory of kept answers.
    fn bytes(&self, _answer: &Self::Answer) -> usize {
        size_of::<Self::Answer>()
    }

    /// Asks AWS.
    fn ask(&self, at: &Place) -> impl Future<Output = Result<Self::Answer, Problem>> + Send;

    /// The question about some resource that there is, for a trial: only where a check may not come to ask it there. Of things
    /// in other regions those count that are in some regions; all when `None`.
    fn sample(_store: &Store, _regions: Option<&BTreeSet<String>>) -> impl Future<Output = Option<Self>> + Send
    where
        Self: Sized,
    {
        async { None }
    }
}

/// Where a resource is, for its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) partition: &'static str,
    pub(crate) account: String,
    pub(crate) region: String,
}

impl At {
    /// An ARN of a resource in this account and region.
    #[expect(clippy::unnecessary_wraps, reason = "what `Resource::arn` returns")]
    pub(crate) fn arn(&self, service: &str, resource: &str) -> Option<String> {
        Some(format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.account))
    }
}

/// Something that a finding can be about.
pub(crate) trait Resource {
    /// The CloudFormation type, for example `AWS::EC2::Volume`.
    const TYPE: &'static str;
    /// The type of this one, where AWS alone knows it (a recommendation).
    fn resource_type(&self) -> &str {
        Self::TYPE
    }
    /// The id AWS's own API takes.
    fn id(&self) -> &str;
    /// The ARN, where the thing has one.
    fn arn(&self, at: &At) -> Option<String>;
    /// The tags, where the listing carries them.
    fn tags(&self) -> Option<&Tags> {
        None
    }
    /// The region, where it is not that of the target (a bucket's own, `global`).
    fn region(&self) -> Option<&str> {
        None
    }
    /// The account, where it is not that of the target (a linked account in the payer's answer).
    fn account(&self) -> Option<&str> {
        None
    }
}

macro_rules! clients {
    ($($name:ident: $sdk:ident $(with $own_endpoint:ident)?,)*) => {
        /// The SDK clients of one account in one region, each made when first used.
        #[derive(Default)]
        struct Clients { $($name: OnceLock<$sdk::Client>,)* }

        impl Place {
            $(pub(crate) fn $name(&self) -> &$sdk::Client {
                self.clients.$name.get_or_init(|| {
                    let config = $sdk::config::Builder::from(self.session.config())
                        .region(Region::new(self.at.region.clone()))
                        .interceptor(self.door.gate())
                        $(.$own_endpoint(self.session.config().endpoint_url().is_some()))?;
                    $sdk::Client::from_conf(config.build())
                })
            })*
        }
    };
}

// `with` names a switch that must be on behind a custom endpoint: there a bucket's name cannot be part of the host name.
clients! {
    account: aws_sdk_account,
    autoscaling: aws_sdk_autoscaling,
    classic_load_balancing: aws_sdk_elasticloadbalancing,
    cloudformation: aws_sdk_cloudformation,
    cloudfront: aws_sdk_cloudfront,
    cloudwatch: aws_sdk_cloudwatch,
    cloudwatchlogs: aws_sdk_cloudwatchlogs,
    computeoptimizer: aws_sdk_computeoptimizer,
    config: aws_sdk_config,
    costexplorer: aws_sdk_costexplorer,
    costoptimizationhub: aws_sdk_costoptimizationhub,
    ec2: aws_sdk_ec2,
    ecr: aws_sdk_ecr,
    ecs: aws_sdk_ecs,
    eventbridge: aws_sdk_eventbridge,
    iam: aws_sdk_iam,
    lambda: aws_sdk_lambda,
    load_balancing: aws_sdk_elasticloadbalancingv2,
    organizations: aws_sdk_organizations,
    route53: aws_sdk_route53,
    s3: aws_sdk_s3 with force_path_style,
    sns: aws_sdk_sns,
    sqs: aws_sdk_sqs,
    tagging: aws_sdk_resourcegroupstagging,
}

/// One account in one region, ready to be asked. Every call of a collector goes through it, and so through the door.
pub(crate) struct Place {
    pub(crate) door: Arc<Door>,
    pub(crate) session: Arc<Session>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) at: At,
    /// Account and region, as the key of kept answers.
    pub(crate) key: Arc<str>,
    now: Timestamp,
    keys: Keys,
    clients: Arc<Clients>,
    breaker: Arc<Mutex<Breaker>>,
    notes: Mutex<Vec<Problem>>,
    trial: Option<Arc<Trial>>,
}

impl Place {
    pub(crate) fn new(door: Arc<Door>, session: Arc<Session>, tally: Arc<Tally>, region: &str, now: Timestamp) -> Self {
        let at =
            At { partition: session.partition(), account: session.account().to_owned(), region: region.to_owned() };
        let keys = Keys::new(&at.account, region);
        Self {
            key: Arc::clone(&keys.account_region),
            door,
            session,
            tally,
            at,
            now,
            keys,
            clients: Arc::default(),
            breaker: Arc::default(),
            notes: Mutex::default(),
            trial: None,
        }
    }

    /// The same place, where each action is asked once and what became of it is kept.
    pub(crate) fn on_trial(self, trial: Arc<Trial>) -> Self {
        Self { trial: Some(trial), ..self }
    }

    /// The trial that goes on here, where each action is asked once.
    pub(crate) fn trial(&self) -> Option<&Trial> {
        self.trial.as_deref()
    }

    /// The same place with no problems noted, sharing clients and what is known to be denied.
    pub(crate) fn afresh(&self) -> Self {
        Self {
            door: Arc::clone(&self.door),
            session: Arc::clone(&self.session),
            tally: Arc::clone(&self.tally),
            at: self.at.clone(),
            key: Arc::clone(&self.key),
            now: self.now,
            keys: self.keys.clone(),
            clients: Arc::clone(&self.clients),
            breaker: Arc::clone(&self.breaker),
            notes: Mutex::default(),
            trial: self.trial.clone(),
        }
    }

    /// The same account in another region: for global services and for the regions of buckets.
    pub(crate) fn in_region(&self, region: &str) -> Self {
        if region == self.at.region {
            return self.afresh();
        }
        let (door, session, tally) = (&self.door, &self.session, &self.tally);
        let there = Self::new(Arc::clone(door), Arc::clone(session), Arc::clone(tally), region, self.now);
        Self { trial: self.trial.clone(), ..there }
    }

    /// The same account in the region of the partition's global services.
    pub(crate) fn global(&self) -> Self {
        self.in_region(partition::global_region(self.at.partition))
    }

    /// The time of the scan.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Notes that one item could not be seen while the rest of the answer stands.
    pub(crate) fn note(&self, problem: Problem) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
    }

    /// Takes over what another place noted.
    pub(crate) fn note_all(&self, other: &Self) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).extend(other.noted());
    }

    /// What was noted.
    pub(crate) fn noted(&self) -> Vec<Problem> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends one request through the door.
    pub(crate) async fn call<O, E, F, Fut>(&self, action: &'static Action, send: F) -> Result<O, Problem>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Fn() -> Fut,
        Fut: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    {
        if let Some(problem) = self.given_up(action) {
            return Err(problem);
        }
        let Some(trial) = &self.trial else { return self.ask(action, send).await };
        let turn = trial.begin(action).await?;
        let result = self.ask(action, send).await;
        turn.ended(result.as_ref().map(|_| ()));
        result
    }

    /// Sends one request, again with new credentials where they have expired.
    async fn ask<O, E, F, Fut>(&self, action: &'static Action, send: F) -> Result<O, Problem>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Fn() -> Fut,
        Fut: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    {
        let mut renewed = false;
        loop {
            let generation = self.session.ready(&self.door, &self.tally).await?;
            match self.door.attempts(action, &self.keys, &self.tally, &send).await {
                Err(problem) if problem.class == Class::CredentialsExpired && !renewed => {
                    renewed = true;
                    self.session.renew(&self.door, &self.tally, generation).await?;
                }
                result => {
                    return result
                        .inspect_err(|it| self.learn(action, Err(it)))
                        .inspect(|_| self.learn(action, Ok(())))
                        .map_err(|it| self.in_context(it));
                }
            }
        }
    }

    /// Reads a list page by page: `send` gets the token of the page, `take` keeps the page and returns the next token. On
    /// trial, the first page is all.
    pub(crate) async fn pages<O, E, F, Fut>(
        &self,
        action: &'static Action,
        send: F,
        mut take: impl FnMut(O) -> Option<String>,
    ) -> Result<(), Problem>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Fn(Option<String>) -> Fut,
        Fut: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    {
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = match self.call(action, || send(token.clone())).await {
                // Another list of the kind was asked for already, which is as much as a trial takes.
                Err(problem) if self.trial.is_some() && problem.class == Class::Cancelled => return Ok(()),
                page => page?,
            };
            let next = take(page).filter(|it| !it.is_empty());
            if next.is_none() || self.trial.is_some() {
                return Ok(());
            }
            if next == token {
                return Err(Problem::new(
                    Class::InvalidExchange,
                    action,
                    "the token of the next page is that of this page",
                ));
            }
            token = next;
        }
        Err(Problem::new(Class::InvalidExchange, action, "the list does not end"))
    }

    fn given_up(&self, action: &'static Action) -> Option<Problem> {
        let breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        // One denial says nothing of the other actions to who tries each.
        let problem = breaker.problem_for(action).filter(|it| self.trial.is_none() || it.class != Class::DeniedByScp);
        problem.or_else(|| self.tally.endpoint_given_up(action, &self.at.region))
    }

    fn learn(&self, action: &'static Action, result: Result<(), &Problem>) {
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(()) => {
                breaker.answered = true;
                breaker.silent.remove(action.service.sdk);
            }
            Err(problem) if problem.class == Class::DeniedByScp => {
                breaker.denied.insert(action.operation);
                breaker.last.get_or_insert_with(|| problem.clone());
            }
            Err(problem) if matches!(problem.class, Class::TimedOut | Class::Unreachable) => {
                breaker.silence.get_or_insert(problem.class);
                *breaker.silent.entry(action.service.sdk).or_default() += 1;
            }
            Err(_) => {}
        }
        drop(breaker);
        if result.is_ok() {
            self.session.prove();
        }
        let reached = !result.is_err_and(|it| matches!(it.class, Class::Unreachable | Class::EndpointMissing));
        self.tally.endpoint_answered(action, &self.at.account, &self.at.region, reached);
    }

    /// A refused token means a region that is not enabled when the same credentials have worked elsewhere.
    fn in_context(&self, problem: Problem) -> Problem {
        if problem.class == Class::CredentialsInvalid && self.session.is_proved() {
            return problem.reclassified(Class::RegionNotEnabled);
        }
        problem
    }
}

/// What is known of an account-region: once a service control policy has denied several actions and nothing has
/// answered, the region is taken to be denied as a whole; a service that let several calls in a row wait in vain is not
/// waited for any more.
#[derive(Debug, Default)]
struct Breaker {
    answered: bool,
    denied: BTreeSet<&'static str>,
    last: Option<Problem>,
    /// How many calls in a row had no answer, by service.
    silent: BTreeMap<&'static str, u32>,
    /// What the first of them met.
    silence: Option<Class>,
}

impl Breaker {
    const DENIED_ACTIONS: usize = 2;
    const SILENT_CALLS: u32 = 3;

    fn problem_for(&self, action: &Action) -> Option<Problem> {
        let silent = self.silent.get(action.service.sdk).copied().unwrap_or(0);
        if silent >= Self::SILENT_CALLS {
            let text = format!("not tried, as {silent} calls in a row to {} had no answer here", action.service.sdk);
            return Some(Problem::new(self.silence.unwrap_or(Class::TimedOut), action, text));
        }
        if self.answered || self.denied.len() < Self::DENIED_ACTIONS {
            return None;
        }
        let last = self.last.as_ref()?;
        Some(Problem::new(
            Class::DeniedByScp,
            action,
            format!("not tried, as {} was denied: {}", last.action, last.message),
        ))
    }
}

/// What AWS said; an empty text says nothing.
fn said(text: Option<&str>) -> Option<String> {
    text.filter(|it| !it.is_empty()).map(str::to_owned)
}

/// A time as the SDK gives it, as a timestamp. `None` for what AWS did not say or said wrongly.
pub(crate) fn timestamp(time: Option<&aws_smithy_types::DateTime>) -> Option<Timestamp> {
    let time = time?;
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}
