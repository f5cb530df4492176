//! Settings that leave a resource open to others.

use crate::check::Check;

mod find_overly_permissive_security_groups;

pub(super) static CHECKS: &[&Check] = &[&find_overly_permissive_security_groups::CHECK];
