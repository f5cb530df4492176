//! AWS's published request limits, enforced at their full rate from the same rows that orgscan keeps to half of.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde::Serialize;

use crate::aws::pace::{self, Row};

/// How often, in requests, buckets that have filled up again are forgotten.
const SWEEP_EVERY: u64 = 4096;

/// Whose bucket it is: the account, and the region where each has one of its own.
type Key = (Box<str>, Option<Box<str>>);
type Limiter = DefaultKeyedRateLimiter<Key>;

/// The fullest second of a bucket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Peak {
    /// The service and the operation, or the bucket that several share.
    pub(crate) bucket: String,
    /// The most requests that one account (and region) sent in one second.
    pub(crate) per_second: u32,
    /// What AWS refills each second.
    pub(crate) rate_per_s: f64,
    /// What AWS lets through at once.
    pub(crate) burst: u32,
}

#[derive(Default)]
pub(super) struct Limits(Mutex<State>);

#[derive(Default)]
struct State {
    buckets: HashMap<&'static str, HashMap<&'static str, Bucket>>,
    seen: u64,
}

struct Bucket {
    row: &'static Row,
    own: Arc<Limiter>,
    /// The second bucket, shared by all callers of the organization.
    shared: Option<Limiter>,
    /// The current second and its requests.
    seconds: HashMap<Key, (u64, u32)>,
    peak: u32,
}

impl Bucket {
    fn new(row: &'static Row) -> Self {
        let shared = row.org_rate_per_s.zip(row.org_burst).map(|(rate, burst)| limiter(rate, burst));
        Self { row, own: Arc::new(limiter(row.rate_per_s, row.burst)), shared, seconds: HashMap::new(), peak: 0 }
    }
}

fn limiter(rate: f64, burst: u32) -> Limiter {
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    let quota = Quota::with_period(Duration::from_secs_f64(1.0 / rate)).unwrap_or_else(|| Quota::per_second(burst));
    RateLimiter::keyed(quota.allow_burst(burst))
}

impl Limits {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a request costs from its buckets. `false` when AWS would throttle it.
    pub(super) fn admit(
        &self,
        service: &str,
        operation: &'static str,
        account: &str,
        region: &str,
        cells: u32,
    ) -> bool {
        let row = pace::row_of(service, operation);
        let name = row.bucket_of(operation);
        let key: Key = (account.into(), row.is_regional().then(|| region.into()));
        let second = Instant::now().duration_since(*START).as_secs();
        let mut state = self.lock();
        state.seen += 1;
        if state.seen.is_multiple_of(SWEEP_EVERY) {
            state.sweep(second);
        }
        let bucket = state.buckets.entry(&row.service).or_default().entry(name).or_insert_with(|| Bucket::new(row));
        let this = bucket.seconds.entry(key.clone()).or_default();
        *this = if this.0 == second { (second, this.1 + cells) } else { (second, cells) };
        bucket.peak = bucket.peak.max(this.1);
        let shared = bucket.shared.as_ref().is_none_or(|it| it.check_key(&("organization".into(), None)).is_ok());
        let own = Arc::clone(&bucket.own);
        drop(state);
        let cells = NonZeroU32::new(cells).unwrap_or(NonZeroU32::MIN);
        shared && own.check_key_n(&key, cells).is_ok_and(|it| it.is_ok())
    }

    /// The peak of every bucket that was asked, by name.
    pub(super) fn peaks(&self) -> Vec<Peak> {
        let state = self.lock();
        let buckets =
            state.buckets.iter().flat_map(|(service, it)| it.iter().map(move |(name, it)| (service, name, it)));
        let mut peaks: Vec<_> = buckets
            .map(|(service, name, it)| Peak {
                bucket: format!("{service} {name}"),
                per_second: it.peak,
                rate_per_s: it.row.rate_per_s,
                burst: it.row.burst,
            })
            .collect();
        peaks.sort_by(|a, b| a.bucket.cmp(&b.bucket));
        peaks
    }
}

impl State {
    fn sweep(&mut self, second: u64) {
        for bucket in self.buckets.values_mut().flat_map(HashMap::values_mut) {
            bucket.own.retain_recent();
            bucket.seconds.retain(|_, it| it.0 == second);
        }
    }
}

static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_lets_its_burst_through_and_then_throttles() {
        let limits = Limits::default();
        let admitted = |account: &str, region: &str| limits.admit("ec2", "DescribeVolumes", account, region, 1);
        let passed = (0..150).filter(|_| admitted("1", "eu-west-1")).count();
        assert!((100..110).contains(&passed), "100 at once and 20 a second: {passed}");
        assert!(admitted("1", "us-east-1") && admitted("2", "eu-west-1"), "each has a bucket of its own");
        let peak = limits.peaks().into_iter().find(|it| it.bucket == "ec2 DescribeVolumes").expect("counted");
        assert!(peak.per_second >= 75, "{peak:?}");
    }

    #[test]
    fn the_organization_has_a_bucket_over_those_of_its_accounts() {
        let limits = Limits::default();
        let accounts: Vec<_> = (0..20).map(|it| it.to_string()).collect();
        let passed = accounts.iter().filter(|it| limits.admit("organizations", "ListAccounts", it, "us-east-1", 1));
        let passed = passed.count();
        assert!((15..17).contains(&passed), "{passed}");
    }
}
