//! Parts of the network that are billed whether or not anything passes.

use crate::check::Check;

mod find_unused_cloudfront_distributions;
mod find_unused_internet_gateways;
mod find_unused_nat_gateways;
mod find_unused_route53_hosted_zones;
mod find_unused_vpc_endpoints;

pub(super) static CHECKS: &[&Check] = &[
    &find_unused_cloudfront_distributions::CHECK,
    &find_unused_internet_gateways::CHECK,
    &find_unused_nat_gateways::CHECK,
    &find_unused_route53_hosted_zones::CHECK,
    &find_unused_vpc_endpoints::CHECK,
];
