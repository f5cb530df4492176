//! How fast: one bucket for each limit that AWS really has, spent at a share of the published rate.
//!
//! The rows are data (`limits.json`), each with the page it comes from. They belong to the account owner and are shared
//! with production, so by default orgscan spends half of each.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use governor::{Quota, RateLimiter, clock::Clock, middleware::NoOpMiddleware, state::keyed::DashMapStateStore};
use serde::Deserialize;

use super::action::Action;

/// One published limit (or, where AWS publishes none, a cautious default).
#[derive(Debug, Deserialize)]
pub struct Row {
    /// The service, as in [`super::action::Service::limits`].
    pub service: String,
    /// The operation, or `*` for those that have no row of their own.
    pub operation: String,
    /// Requests (or units of work) that refill each second.
    pub rate_per_s: f64,
    /// How many may be spent at once.
    pub burst: u32,
    scope: RowScope,
    /// Whether each operation that the row stands for has a bucket of its own, as with EC2.
    #[serde(default)]
    each: bool,
    /// Operations with the same bucket name draw from one bucket.
    bucket: Option<String>,
    /// The rate of a second bucket that all callers in the organization share.
    pub(crate) org_rate_per_s: Option<f64>,
    pub(crate) org_burst: Option<u32>,
    /// Whether AWS publishes the rate.
    pub documented: bool,
    /// Where the figure comes from.
    pub source: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RowScope {
    AccountRegion,
    Account,
    Org,
}

impl Row {
    /// The name of the bucket that an operation draws from.
    pub(crate) fn bucket_of(&'static self, operation: &'static str) -> &'static str {
        match &self.bucket {
            Some(shared) => shared,
            None if self.each => operation,
            None => &self.operation,
        }
    }

    /// Whether each region of an account has a bucket of its own.
    pub(crate) fn is_regional(&self) -> bool {
        self.scope == RowScope::AccountRegion
    }
}

/// All limit rows.
///
/// # Panics
/// When the embedded table is not valid; a test reads it.
pub static ROWS: LazyLock<Vec<Row>> =
    LazyLock::new(|| serde_json::from_str(include_str!("limits.json")).expect("limits.json is valid"));

static BY_OPERATION: LazyLock<HashMap<(&'static str, &'static str), &'static Row>> =
    LazyLock::new(|| ROWS.iter().map(|row| ((row.service.as_str(), row.operation.as_str()), row)).collect());

/// The row for an operation: its own, else the service's.
///
/// # Panics
/// When the service has no rows at all; `every_declared_action_has_a_limit` in the tests holds the table to the registry.
pub(crate) fn row_of(service: &str, operation: &str) -> &'static Row {
    BY_OPERATION
        .get(&(service, operation))
        .or_else(|| BY_OPERATION.get(&(service, "*")))
        .expect("every service orgscan calls has a row in limits.json")
}

/// Whether an action has a limit row.
#[must_use]
pub fn has_row(action: &Action) -> bool {
    BY_OPERATION.contains_key(&(action.service.limits, action.operation))
        || BY_OPERATION.contains_key(&(action.service.limits, "*"))
}

/// The time of the buckets, passed in: in tests waiting moves it on at once.
#[derive(Clone, Debug)]
enum Time {
    Real,
    #[cfg(test)]
    Manual(Arc<Mutex<Instant>>),
}

impl Time {
    async fn sleep(&self, duration: Duration) {
        match self {
            Self::Real => tokio::time::sleep(duration).await,
            #[cfg(test)]
            Self::Manual(now) => *now.lock().unwrap_or_else(PoisonError::into_inner) += duration,
        }
    }
}

impl Clock for Time {
    type Instant = Instant;

    fn now(&self) -> Instant {
        match self {
            Self::Real => Instant::now(),
            #[cfg(test)]
            Self::Manual(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

type Limiter = RateLimiter<Arc<str>, DashMapStateStore<Arc<str>>, Time, NoOpMiddleware<Instant>>;

/// What a bucket is keyed by: the account charged, and the account with the region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) account: Arc<str>,
    pub(crate) account_region: Arc<str>,
}

impl Keys {
    pub(crate) fn new(account: &str, region: &str) -> Self {
        Self { account: account.into(), account_region: format!("{account}/{region}").into() }
    }
}

/// The buckets a scan has been throttled in, with the divisor of their rate for the rest of that scan.
#[derive(Debug, Default)]
pub(crate) struct Slowdowns(Mutex<HashMap<(BucketName, Arc<str>), u32>>);

impl Slowdowns {
    /// The most a rate is divided by; past it retries alone must cope.
    const MOST: u32 = 16;

    fn factor(&self, bucket: &(BucketName, Arc<str>)) -> u32 {
        let slow = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slow.get(bucket).copied().unwrap_or(1)
    }

    fn halve(&self, bucket: (BucketName, Arc<str>)) {
        let mut slow = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let factor = slow.entry(bucket).or_insert(1);
        *factor = (*factor * 2).min(Self::MOST);
    }
}

/// Names a bucket: service, then the shared bucket or the operation, then whether it is the organization's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct BucketName(&'static str, &'static str, bool);

/// After how many more accounts full buckets are forgotten: each account has had some tens of them in each region.
const SWEPT_EVERY: usize = 64;

/// All buckets of the process.
pub(crate) struct Pace {
    share: f64,
    time: Time,
    limiters: Mutex<HashMap<BucketName, Arc<Limiter>>>,
    accounts_done: AtomicUsize,
}

impl Pace {
    /// Buckets that spend the given share (0 to 1) of each published rate.
    pub(crate) fn new(share: f64) -> Self {
        Self { share, time: Time::Real, limiters: Mutex::default(), accounts_done: AtomicUsize::new(0) }
    }

    /// Waits for its turn to send one request of an action.
    pub(crate) async fn request(&self, action: &Action, keys: &Keys, slow: &Slowdowns) {
        let row = row_of(action.service.limits, action.operation);
        let (name, key) = bucket_of(row, action.operation, keys);
        self.take(name, key, row.rate_per_s, row.burst, 1, slow).await;
        if let (Some(rate), Some(burst)) = (row.org_rate_per_s, row.org_burst) {
            let name = BucketName(name.0, name.1, true);
            self.take(name, Arc::clone(&keys.account), rate, burst, 1, slow).await;
        }
    }

    /// Waits for its turn to do work that AWS limits by amount, not by request, for example metric datapoints.
    pub(crate) async fn work(&self, service: &str, kind: &'static str, amount: u32, keys: &Keys, slow: &Slowdowns) {
        let row = row_of(service, kind);
        let (name, key) = bucket_of(row, kind, keys);
        self.take(name, key, row.rate_per_s, row.burst, amount, slow).await;
    }

    /// Halves the rate of the bucket that AWS throttled, for the rest of the scan.
    pub(crate) fn throttled(action: &Action, keys: &Keys, slow: &Slowdowns) {
        slow.halve(bucket_of(row_of(action.service.limits, action.operation), action.operation, keys));
    }

    /// An account is done: its buckets will be forgotten in a while, so that memory does not grow with accounts.
    pub(crate) fn account_done(&self) {
        if (self.accounts_done.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(SWEPT_EVERY) {
            self.sweep();
        }
    }

    /// Forgets the buckets that have filled up again.
    pub(crate) fn sweep(&self) {
        let limiters: Vec<_> =
            self.limiters.lock().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect();
        for limiter in limiters {
            limiter.retain_recent();
        }
    }

    fn limiter(&self, name: BucketName, rate: f64, burst: u32) -> Arc<Limiter> {
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(limiters.entry(name).or_insert_with(|| {
            let quota = quota(rate * self.share, f64::from(burst) * self.share);
            Arc::new(RateLimiter::new(quota, DashMapStateStore::default(), self.time.clone()))
        }))
    }

    /// A slowed bucket charges each request several times: that divides its rate.
    async fn take(&self, name: BucketName, key: Arc<str>, rate: f64, burst: u32, cells: u32, slow: &Slowdowns) {
        let limiter = self.limiter(name, rate, burst);
        let bucket = (name, key);
        let mut rounds = slow.factor(&bucket);
        let mut cells = NonZeroU32::new(cells).unwrap_or(NonZeroU32::MIN);
        while rounds > 0 {
            match limiter.check_key_n(&bucket.1, cells) {
                Ok(Ok(())) => rounds -= 1,
                Ok(Err(not_until)) => self.time.sleep(not_until.wait_time_from(self.time.now())).await,
                Err(most) => cells = NonZeroU32::new(most.0).unwrap_or(NonZeroU32::MIN),
            }
        }
    }
}

fn bucket_of(row: &'static Row, operation: &'static str, keys: &Keys) -> (BucketName, Arc<str>) {
    let name = BucketName(&row.service, row.bucket_of(operation), false);
    let key = if row.is_regional() { &keys.account_region } else { &keys.account };
    (name, Arc::clone(key))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bursts are small and positive")]
fn quota(rate: f64, burst: f64) -> Quota {
    let burst = NonZeroU32::new(burst.floor() as u32).unwrap_or(NonZeroU32::MIN);
    let period = Duration::from_secs_f64(1.0 / rate.max(1e-4));
    Quota::with_period(period.max(Duration::from_nanos(1)))
        .map_or_else(|| Quota::per_second(burst), |it| it.allow_burst(burst))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::action::{EC2, LAMBDA, ORGANIZATIONS};

    static VOLUMES: Action = Action::new(&EC2, "DescribeVolumes");
    static IMAGES: Action = Action::new(&EC2, "DescribeImages");
    static FUNCTIONS: Action = Action::new(&LAMBDA, "ListFunctions");
    static TAGS: Action = Action::new(&LAMBDA, "ListTags");
    static ACCOUNTS: Action = Action::new(&ORGANIZATIONS, "ListAccounts");

    fn half() -> Pace {
        Pace { time: Time::Manual(Arc::new(Mutex::new(Instant::now()))), ..Pace::new(0.5) }
    }

    async fn seconds_for(pace: &Pace, actions: &[&Action], keys: &[Keys], slow: &Slowdowns) -> f64 {
        let start = pace.time.now();
        for (action, key) in actions.iter().zip(keys.iter().cycle()) {
            pace.request(action, key, slow).await;
        }
        (pace.time.now() - start).as_secs_f64()
    }

    #[test]
    fn every_row_is_usable() {
        assert!(ROWS.len() > 200);
        for row in ROWS.iter() {
            assert!(row.rate_per_s > 0.0 && row.burst > 0, "{row:?}");
            assert!(!row.source.is_empty(), "{row:?}");
        }
    }

    #[tokio::test]
    async fn half_of_the_published_rate_is_spent() {
        let here = Keys::new("111122223333", "eu-west-1");
        // EC2 reads: 100 at once, 20 a second; half of it is 50 and 10.
        let took = seconds_for(&half(), &[&VOLUMES; 150], &[here], &Slowdowns::default()).await;
        assert!((9.9..10.2).contains(&took), "{took}");
    }

    #[tokio::test]
    async fn accounts_and_regions_have_buckets_of_their_own() {
        let keys = [Keys::new("1", "eu-west-1"), Keys::new("1", "us-east-1"), Keys::new("2", "eu-west-1")];
        let took = seconds_for(&half(), &[&VOLUMES; 150], &keys, &Slowdowns::default()).await;
        assert!(took < 0.01, "{took}");
    }

    #[tokio::test]
    async fn each_operation_of_ec2_has_a_bucket_of_its_own() {
        let here = Keys::new("1", "eu-west-1");
        let mixed = [&VOLUMES, &IMAGES].repeat(50);
        let took = seconds_for(&half(), &mixed, &[here], &Slowdowns::default()).await;
        assert!(took < 0.01, "{took}");
    }

    #[tokio::test]
    async fn operations_that_share_a_bucket_share_it() {
        let here = Keys::new("1", "eu-west-1");
        // Lambda's control plane: 15 a second for all operations together; half of it is 7 at once, 7.5 a second.
        let mixed = [&FUNCTIONS, &TAGS].repeat(11);
        let took = seconds_for(&half(), &mixed, &[here], &Slowdowns::default()).await;
        assert!((1.9..2.2).contains(&took), "{took}");
    }

    #[tokio::test]
    async fn the_organizations_own_bucket_is_stacked_on_the_accounts() {
        let here = Keys::new("1", "us-east-1");
        // ListAccounts: 8 a second, burst 12 for the account; half is 4 and 6.
        let took = seconds_for(&half(), &[&ACCOUNTS; 10], &[here], &Slowdowns::default()).await;
        assert!((0.9..1.2).contains(&took), "{took}");
    }

    #[tokio::test]
    async fn a_throttle_halves_only_the_bucket_it_hit() {
        let (here, there) = (Keys::new("1", "eu-west-1"), Keys::new("1", "us-east-1"));
        let (pace, slow) = (half(), Slowdowns::default());
        Pace::throttled(&VOLUMES, &here, &slow);
        let slowed = seconds_for(&pace, &[&VOLUMES; 50], &[here], &slow).await;
        let other = seconds_for(&pace, &[&VOLUMES; 50], &[there], &slow).await;
        assert!((4.9..5.2).contains(&slowed), "{slowed}");
        assert!(other < 0.01, "{other}");
    }

    /// How many buckets are kept.
    fn kept(pace: &Pace) -> usize {
        pace.limiters.lock().unwrap().values().map(|it| it.len()).sum()
    }

    #[tokio::test]
    async fn buckets_do_not_grow_with_accounts() {
        let (pace, slow) = (half(), Slowdowns::default());
        for account in 1..=1000 {
            pace.request(&VOLUMES, &Keys::new(&account.to_string(), "eu-west-1"), &slow).await;
            // A request takes a tenth of a second to refill.
            pace.time.sleep(Duration::from_millis(10)).await;
            pace.account_done();
            assert!(kept(&pace) <= SWEPT_EVERY + 25, "{} buckets after {account} accounts", kept(&pace));
        }
    }

    #[tokio::test]
    async fn a_bucket_that_is_not_full_is_not_forgotten() {
        let (pace, slow, here) = (half(), Slowdowns::default(), Keys::new("1", "eu-west-1"));
        seconds_for(&pace, &[&VOLUMES; 50], std::slice::from_ref(&here), &slow).await;
        pace.sweep();
        let took = seconds_for(&pace, &[&VOLUMES; 50], &[here], &slow).await;
        assert!((4.9..5.2).contains(&took), "{took}");
    }

    #[tokio::test]
    async fn work_is_charged_by_its_amount() {
        let (pace, slow, here) = (half(), Slowdowns::default(), Keys::new("1", "eu-west-1"));
        let start = pace.time.now();
        for _ in 0..10 {
            pace.work("cloudwatch", "GetMetricData.datapoints_older", 45_000, &here, &slow).await;
        }
        let took = (pace.time.now() - start).as_secs_f64();
        assert!((1.2..1.4).contains(&took), "450,000 datapoints at 198,000 a second after as many at once: {took}");
    }
}
