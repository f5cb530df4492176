//! What is billed, and what AWS itself recommends to save.

use crate::check::Check;

mod get_cost_by_service;
mod get_cost_optimization_ec2;

pub(super) static CHECKS: &[&Check] = &[&get_cost_by_service::CHECK, &get_cost_optimization_ec2::CHECK];
