//! Network paths that carry nothing and are still billed.

use crate::check::Check;

mod find_unused_cloudfront_distributions;

pub(super) static CHECKS: &[&Check] = &[&find_unused_cloudfront_distributions::CHECK];
