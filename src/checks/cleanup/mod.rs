//! Things that were left behind and are still billed.

use crate::check::Check;

mod find_log_groups_without_retention;
mod find_unused_amis;
mod find_unused_ec2_instances;
mod find_unused_elastic_ips;
mod find_unused_lambda_functions;
mod find_unused_load_balancers;
mod find_unused_log_groups;
mod find_unused_security_groups;
mod find_unused_snapshots;
mod find_unused_target_groups;
mod find_unused_volumes;
mod find_volumes_of_stopped_instances;

pub(super) static CHECKS: &[&Check] = &[
    &find_log_groups_without_retention::CHECK,
    &find_unused_amis::CHECK,
    &find_unused_ec2_instances::CHECK,
    &find_unused_elastic_ips::CHECK,
    &find_unused_lambda_functions::CHECK,
    &find_unused_load_balancers::CHECK,
    &find_unused_log_groups::CHECK,
    &find_unused_security_groups::CHECK,
    &find_unused_snapshots::CHECK,
    &find_unused_target_groups::CHECK,
    &find_unused_volumes::CHECK,
    &find_volumes_of_stopped_instances::CHECK,
];
