//! Amazon ECS: clusters, services, tasks, task definitions, and what starts tasks on a schedule.

mod cluster;
mod schedule;
mod service;
mod task;
mod task_definition;

#[cfg(test)]
pub(crate) use self::task_definition::Registration;
pub(crate) use self::{
    cluster::Cluster,
    schedule::{ScheduledTask, ScheduledTasks},
    service::{Service, Services},
    task::{RunningTasks, Task},
    task_definition::{Family, Revision, TaskDefinition},
};

use aws_sdk_ecs::types::{Failure, Tag};

use super::{
    Tags,
    action::Action,
    problem::{Class, Problem},
    said,
};

fn tags_of(tags: &[Tag]) -> Tags {
    tags.iter().filter_map(|it| Some((it.key()?.to_owned(), it.value().unwrap_or_default().to_owned()))).collect()
}

/// That ECS described all it was asked for. What is gone since it was listed is no gap; anything else hides something.
///
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html> (read Oct 2026).
fn all_described(action: &'static Action, failures: &[Failure]) -> Result<(), Problem> {
    match failures.iter().find(|it| it.reason() != Some("MISSING")) {
        Some(it) => {
            let (name, reason) = (it.arn().unwrap_or("something"), it.reason().unwrap_or("for no reason given"));
            Err(Problem::new(Class::ServiceError, action, format!("ECS did not describe {name}: {reason}")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod testing {
    use serde_json::Value;

    use crate::aws::replies::Reply;

    /// The ARN of something of ECS in the account of the tests.
    pub(super) fn arn(name: &str) -> String {
        format!("arn:aws:ecs:eu-west-1:111122223333:{name}")
    }

    /// An answer of ECS to a request that contains `asked`.
    pub(super) fn reply(asked: &'static str, answer: &Value) -> Reply {
        Reply::ok(asked, answer.to_string())
    }
}
