//! What is billed, and what AWS itself recommends to save.

use crate::check::Check;

mod get_cost_by_service;

pub(super) static CHECKS: &[&Check] = &[&get_cost_by_service::CHECK];
