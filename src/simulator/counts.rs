//! What has been asked of the simulator.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::limits::Peak;

/// Everything that was counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Counts {
    /// Requests by IAM action, refused ones included.
    pub(crate) calls: BTreeMap<String, u64>,
    /// Requests throttled because a bucket was empty, by IAM action.
    pub(crate) throttled: BTreeMap<String, u64>,
    /// Refusals by code.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Requests that AWS charges, in US dollars: pages of Cost Explorer and metrics asked of CloudWatch.
    pub(crate) billed_usd: Decimal,
    /// The most requests that were open at the same time.
    pub(crate) most_at_once: usize,
    /// The fullest second of every bucket.
    pub(crate) peaks: Vec<Peak>,
}
