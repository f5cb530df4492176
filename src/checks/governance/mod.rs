//! Rules that an organization sets itself so that costs can be told apart.

use crate::check::Check;

mod find_untagged_resources;

pub(super) static CHECKS: &[&Check] = &[&find_untagged_resources::CHECK];
