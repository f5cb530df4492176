//! Stored data that nobody reads, or that costs more than it need.

use crate::check::Check;

mod find_incomplete_multipart_uploads;
mod find_unused_s3_buckets;
mod get_s3_storage_class_recommendations;

pub(super) static CHECKS: &[&Check] = &[
    &find_incomplete_multipart_uploads::CHECK,
    &find_unused_s3_buckets::CHECK,
    &get_s3_storage_class_recommendations::CHECK,
];
