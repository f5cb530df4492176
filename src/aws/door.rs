//! The door: every AWS call goes through it. It paces, attempts, classifies, retries, counts and meters.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    future::Future,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sts::config::IdentityCache;
use aws_smithy_http_client::{Connector, proxy::ProxyConfig, tls};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connector_metadata::ConnectorMetadata,
        http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector},
        interceptors::{
            Intercept,
            context::{AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextRef},
            dyn_dispatch_hint,
        },
        orchestrator::{HttpResponse, Metadata},
        result::SdkError,
        runtime_components::RuntimeComponents,
        stalled_stream_protection::StalledStreamProtectionConfig,
    },
};
use aws_smithy_types::{config_bag::ConfigBag, error::metadata::ProvideErrorMetadata};
use aws_types::region::Region;
use rust_decimal::Decimal;

use super::{
    action::Action,
    pace::{Keys, Pace, Slowdowns},
    partition, prices,
    problem::{Class, Problem, from_sdk},
    store::SharedAnswers,
};

/// Time allowed to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Time allowed for one attempt, answer read included, unless the settings say otherwise.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// The share of AWS's published rates that is spent, unless the settings say otherwise: the rest is the account's own.
pub(crate) const QUOTA_SHARE: f64 = 0.5;
/// How many times the first pause fits into the time of an attempt: with 30 seconds it is 200 milliseconds, and doubles with
/// each attempt.
const PAUSES_PER_ATTEMPT: u32 = 150;
/// The longest pause between two attempts, in first pauses: with 30 seconds for an attempt it is 20 seconds.
const LONGEST_PAUSE: u32 = 100;
/// From how many accounts in a row an endpoint must have been unreachable so that it is not tried again in this scan. What one
/// account meets says nothing of the others.
const ENDPOINT_STRIKES: usize = 4;

/// What the process holds for AWS calls: one HTTP client, the buckets, the answers kept for a few minutes.
pub(crate) struct Door {
    /// The caller's configuration: credentials, endpoint, the shared HTTP client; no retries.
    pub(crate) config: SdkConfig,
    pub(crate) pace: Pace,
    pub(crate) answers: SharedAnswers,
    /// The pause that the second attempt draws from.
    first_pause: Duration,
    gate: Gate,
    sts: OnceLock<aws_sdk_sts::Client>,
}

/// The caller's own configuration, from the AWS standard variables and files.
pub(crate) async fn own_config() -> SdkConfig {
    // One client, and so one pool and one TLS set-up, for all accounts. It obeys HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
    let http = aws_smithy_http_client::Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc)).build()
    });
    aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(Unvalidated(http)).load().await
}

/// The HTTP client, without the trial that each SDK client would make of it: that one sets TLS up anew and reads all root
/// certificates, for every account, region and service.
#[derive(Clone, Debug)]
struct Unvalidated(SharedHttpClient);

impl HttpClient for Unvalidated {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

/// On what terms AWS is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// The share of each published request rate that may be spent, 0 to 1.
    pub(crate) share: f64,
    /// How long AWS may take for one answer. Pauses between attempts are in proportion to it.
    pub(crate) attempt_timeout: Duration,
    /// How many bytes of answers are kept for scans that follow.
    pub(crate) kept_bytes: u64,
}

impl Door {
    /// A door around a configuration; retries go off and the time limits of every call are set.
    pub(crate) fn new(config: SdkConfig, terms: Terms, allowed: HashSet<(&'static str, &'static str)>) -> Self {
        let region = config.region().cloned().unwrap_or_else(|| Region::from_static("us-east-1"));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT.min(terms.attempt_timeout))
            .operation_attempt_timeout(terms.attempt_timeout)
            .build();
        let config = config
            .into_builder()
            .region(region)
            .retry_config(RetryConfig::disabled())
            // Shared by all clients on the caller's own credentials: each would ask for them anew otherwise.
            .identity_cache(IdentityCache::lazy().build())
            .timeout_config(timeouts)
            // The time limit of the attempt ends a stalled answer; watching the stream besides costs a twentieth of the CPU.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .app_name(
                aws_types::app_name::AppName::new(concat!("orgscan-", env!("CARGO_PKG_VERSION")))
                    .expect("a valid name"),
            )
            .build();
        Self {
            config,
            pace: Pace::new(terms.share),
            answers: SharedAnswers::holding(terms.kept_bytes),
            first_pause: terms.attempt_timeout / PAUSES_PER_ATTEMPT,
            gate: Gate { allowed: Arc::new(allowed) },
            sts: OnceLock::new(),
        }
    }

    /// The region whose STS endpoint is asked.
    pub(crate) fn home_region(&self) -> &'static str {
        partition::home_region(self.config.region().map_or("us-east-1", Region::as_ref))
    }

    /// STS on the caller's own credentials.
    pub(crate) fn sts(&self) -> &aws_sdk_sts::Client {
        self.sts.get_or_init(|| {
            let config = aws_sdk_sts::config::Builder::from(&self.config)
                .region(Region::from_static(self.home_region()))
                .interceptor(self.gate());
            aws_sdk_sts::Client::from_conf(config.build())
        })
    }

    /// The gate that each client carries.
    pub(crate) fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Sends one request, again where that helps: each attempt takes its own turn in the buckets and is counted.
    pub(crate) async fn attempts<O, E, F, Fut>(
        &self,
        action: &'static Action,
        keys: &Keys,
        tally: &Tally,
        send: F,
    ) -> Result<O, Problem>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Fn() -> Fut,
        Fut: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    {
        let charge = if action.charged_per_request { prices::cost_explorer_request() } else { Decimal::ZERO };
        let mut attempt = 1;
        loop {
            let reserved = tally.reserve(action, charge)?;
            self.pace.request(action, keys, &tally.slow).await;
            tally.count(action);
            let problem = match THROUGH_THE_DOOR.scope(action, send()).await {
                Ok(answer) => {
                    reserved.spend();
                    return Ok(answer);
                }
                Err(error) => from_sdk(action, &error),
            };
            drop(reserved);
            if problem.class == Class::Throttled {
                tally.count_throttle(action);
                Pace::throttled(action, keys, &tally.slow);
            }
            if attempt >= attempts_allowed(problem.class) {
                return Err(problem);
            }
            tokio::time::sleep(pause_before(attempt, self.first_pause, fastrand::f64())).await;
            attempt += 1;
        }
    }
}

/// How often a request is sent at most when its answer is of this class.
fn attempts_allowed(class: Class) -> u32 {
    match class {
        Class::Throttled => 8,
        Class::ServiceError => 4,
        Class::Unreachable | Class::TimedOut => 2,
        _ => 1,
    }
}

/// Full jitter: anything between nothing and the doubled pause. `chance` is between 0 and 1.
fn pause_before(attempt: u32, first: Duration, chance: f64) -> Duration {
    first.saturating_mul((1 << attempt.min(10)).min(LONGEST_PAUSE)).mul_f64(chance)
}

tokio::task_local! {
    /// The action that the door has let through and that the current task may send.
    static THROUGH_THE_DOOR: &'static Action;
}

/// Refuses, before anything is serialized, every operation that did not come through the door or is not on the
/// registry's read-only list; and afterwards every answer that breaks off.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    allowed: Arc<HashSet<(&'static str, &'static str)>>,
}

#[dyn_dispatch_hint]
impl Intercept for Gate {
    fn name(&self) -> &'static str {
        "read-only gate"
    }

    fn read_before_serialization(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(metadata) = config.load::<Metadata>() else {
            return Err("refused: the operation has no name".into());
        };
        let (service, operation) = (metadata.service(), metadata.name());
        let through = THROUGH_THE_DOOR
            .try_with(|action| action.service.sdk == service && action.operation == operation)
            .unwrap_or(false);
        if !through {
            return Err(format!("refused: {service} {operation} did not come through the door").into());
        }
        if !self.allowed.contains(&(service, operation)) {
            return Err(format!("refused: {service} {operation} is not on the read-only list").into());
        }
        Ok(())
    }

    /// The SDK takes XML that ends too early for a shorter list.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match context.response().body().bytes() {
            Some(body) if breaks_off(body) => Err("the answer breaks off before its end".into()),
            _ => Ok(()),
        }
    }
}

/// Whether a body is XML whose outermost element is not closed. What does not look like XML is not judged.
fn breaks_off(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    if !body.starts_with(b"<") {
        return false;
    }
    // Declarations and comments come before the outermost element.
    let mut opens = body.iter().zip(body.iter().skip(1)).enumerate();
    let Some((start, _)) = opens.find(|(_, (mark, next))| **mark == b'<' && next.is_ascii_alphabetic()) else {
        return true;
    };
    let rest = &body[start + 1..];
    let name = rest.split(|it| it.is_ascii_whitespace() || matches!(it, b'>' | b'/')).next().unwrap_or_default();
    let closed = body.strip_suffix(b">").and_then(|it| it.strip_suffix(name)).is_some_and(|it| it.ends_with(b"</"));
    let empty = body.ends_with(b"/>") && !rest[..rest.len() - 1].contains(&b'>');
    !closed && !empty
}

/// How often one action was attempted and throttled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Attempts sent.
    pub calls: u64,
    /// Attempts that AWS throttled.
    pub throttled: u64,
}

/// What one scan has sent, what it has cost, and what it may still spend.
pub(crate) struct Tally {
    counts: Mutex<BTreeMap<String, Count>>,
    money: Mutex<Money>,
    cap: Decimal,
    slow: Slowdowns,
    /// The accounts from which an endpoint was unreachable since it last answered.
    strikes: Mutex<HashMap<(&'static str, String), BTreeSet<String>>>,
}

#[derive(Debug, Default)]
struct Money {
    spent: Decimal,
    reserved: Decimal,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tally {
    /// An empty tally that refuses calls whose charges would go over the cap, in USD.
    pub(crate) fn new(cap: Decimal) -> Self {
        Self {
            counts: Mutex::default(),
            money: Mutex::default(),
            cap,
            slow: Slowdowns::default(),
            strikes: Mutex::default(),
        }
    }

    fn count(&self, action: &Action) {
        lock(&self.counts).entry(action.iam()).or_default().calls += 1;
    }

    fn count_throttle(&self, action: &Action) {
        lock(&self.counts).entry(action.iam()).or_default().throttled += 1;
    }

    /// Attempts by IAM action.
    pub(crate) fn counts(&self) -> BTreeMap<String, Count> {
        lock(&self.counts).clone()
    }

    /// What AWS charges for the calls made so far, in USD.
    pub(crate) fn spent(&self) -> Decimal {
        lock(&self.money).spent
    }

    /// Sets an amount aside for a call, so that calls made at once cannot go over the cap together.
    pub(crate) fn reserve(&self, action: &Action, usd: Decimal) -> Result<Reserved<'_>, Problem> {
        let mut money = lock(&self.money);
        if !usd.is_zero() && money.spent + money.reserved + usd > self.cap {
            let text = format!(
                "the call costs {usd} USD and {} USD are already spent or promised: over the cap of {} USD; raise --max-charge to go on",
                money.spent + money.reserved,
                self.cap
            );
            return Err(Problem::new(Class::ChargeCap, action, text));
        }
        money.reserved += usd;
        Ok(Reserved { tally: self, usd, spent: false })
    }

    /// Slowdowns of this scan.
    pub(crate) fn slow(&self) -> &Slowdowns {
        &self.slow
    }

    /// The problem to answer at once for an endpoint that was unreachable too often in this scan.
    pub(crate) fn endpoint_given_up(&self, action: &Action, region: &str) -> Option<Problem> {
        let strikes = lock(&self.strikes);
        let count = strikes.get(&(action.service.sdk, region.to_owned())).map_or(0, BTreeSet::len);
        (count >= ENDPOINT_STRIKES).then(|| {
            let text = format!(
                "no connection to {} in {region} from {count} accounts in a row; not tried again in this scan",
                action.service.sdk
            );
            Problem::new(Class::Unreachable, action, text)
        })
    }

    /// Remembers whether an endpoint could be reached.
    pub(crate) fn endpoint_answered(&self, action: &Action, account: &str, region: &str, reached: bool) {
        let mut strikes = lock(&self.strikes);
        let key = (action.service.sdk, region.to_owned());
        if reached {
            strikes.remove(&key);
        } else {
            strikes.entry(key).or_default().insert(account.to_owned());
        }
    }
}

/// An amount set aside for a call: spent when AWS answers, given back when it does not.
#[must_use]
pub(crate) struct Reserved<'a> {
    tally: &'a Tally,
    usd: Decimal,
    spent: bool,
}

impl Reserved<'_> {
    /// The call was answered, so AWS charges it.
    pub(crate) fn spend(mut self) {
        self.spent = true;
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let mut money = lock(&self.tally.money);
        money.reserved -= self.usd;
        if self.spent {
            money.spent += self.usd;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::action::{COST_EXPLORER, EC2};
    use rust_decimal_macros::dec;

    static ASK: Action = Action::new(&COST_EXPLORER, "GetCostAndUsage").charged();
    static FREE: Action = Action::new(&EC2, "DescribeVolumes");

    #[test]
    fn the_cap_holds_for_calls_made_at_once() {
        let tally = Tally::new(dec!(0.02));
        let first = tally.reserve(&ASK, dec!(0.01)).expect("under the cap");
        let second = tally.reserve(&ASK, dec!(0.01)).expect("at the cap");
        let refused = tally.reserve(&ASK, dec!(0.01)).err().expect("over the cap");
        assert_eq!(refused.class, Class::ChargeCap);
        drop(first);
        second.spend();
        assert_eq!(tally.spent(), dec!(0.01));
        assert!(tally.reserve(&ASK, dec!(0.01)).is_ok(), "what was given back can be spent");
    }

    #[test]
    fn a_free_call_passes_an_exhausted_cap() {
        let tally = Tally::new(Decimal::ZERO);
        assert!(tally.reserve(&FREE, Decimal::ZERO).is_ok());
    }

    #[test]
    fn pauses_double_and_are_drawn_from_nothing_to_all() {
        let first = ATTEMPT_TIMEOUT / PAUSES_PER_ATTEMPT;
        assert_eq!(pause_before(1, first, 1.0), Duration::from_millis(400));
        assert_eq!(pause_before(3, first, 1.0), Duration::from_millis(1600));
        assert_eq!(pause_before(3, first, 0.0), Duration::ZERO);
        assert_eq!(pause_before(30, first, 1.0), Duration::from_secs(20));
    }

    #[test]
    fn an_answer_that_breaks_off_is_told_from_a_whole_one() {
        let whole = "<?xml version=\"1.0\"?>\n<!-- a note --><List xmlns=\"u\"><item><id>1</id></item><item/></List>\n";
        let cuts = (1..whole.len() - 1).filter(|cut| !breaks_off(&whole.as_bytes()[..*cut]));
        assert_eq!(cuts.collect::<Vec<_>>(), Vec::<usize>::new(), "every shorter one breaks off");
        for body in [whole, "<Empty/>", "<Empty xmlns=\"u\" />", "", "{\"Accounts\": [", "\u{bf}"] {
            assert!(!breaks_off(body.as_bytes()), "{body}");
        }
        assert!(breaks_off(b"<List><item/>"), "an empty element at the end closes only itself");
    }

    #[test]
    fn an_endpoint_is_given_up_when_it_is_unreachable_from_one_account_after_another() {
        let tally = Tally::new(Decimal::ZERO);
        for account in 0..ENDPOINT_STRIKES {
            for _ in 0..10 {
                assert!(tally.endpoint_given_up(&FREE, "eu-west-1").is_none());
                tally.endpoint_answered(&FREE, &account.to_string(), "eu-west-1", false);
                if account + 1 == ENDPOINT_STRIKES {
                    break;
                }
            }
        }
        assert_eq!(tally.endpoint_given_up(&FREE, "eu-west-1").map(|it| it.class), Some(Class::Unreachable));
        assert!(tally.endpoint_given_up(&FREE, "us-east-1").is_none());
        tally.endpoint_answered(&FREE, "0", "eu-west-1", true);
        assert!(tally.endpoint_given_up(&FREE, "eu-west-1").is_none());
    }
}
