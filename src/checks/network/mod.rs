//! Parts of the network that are billed by the hour.

use crate::check::Check;

mod find_unused_nat_gateways;

pub(super) static CHECKS: &[&Check] = &[&find_unused_nat_gateways::CHECK];
