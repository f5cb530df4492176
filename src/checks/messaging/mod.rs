//! Queues, topics and rules that nothing passes through.

use crate::check::Check;

mod find_unused_eventbridge_rules;
mod find_unused_sns_topics;
mod find_unused_sqs_queues;

pub(super) static CHECKS: &[&Check] =
    &[&find_unused_eventbridge_rules::CHECK, &find_unused_sns_topics::CHECK, &find_unused_sqs_queues::CHECK];
