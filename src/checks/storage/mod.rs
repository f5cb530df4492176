//! Stored data that nobody reads.

use crate::check::Check;

mod find_incomplete_multipart_uploads;
mod find_unused_s3_buckets;

pub(super) static CHECKS: &[&Check] = &[&find_incomplete_multipart_uploads::CHECK, &find_unused_s3_buckets::CHECK];
