//! What containers and their instances are started from, and what nothing is started from any more.

use std::sync::Arc;

use futures::{future::join_all, join};

use crate::{
    aws::{
        ecs::{Cluster, RunningTasks, ScheduledTask, ScheduledTasks, Service, Services, Task},
        eventbridge::EventBus,
        problem::Problem,
    },
    check::{Check, Cx},
};

mod find_old_ecs_task_definitions;
mod find_unused_ecr_images;
mod find_unused_ecs_clusters_and_services;
mod find_unused_launch_templates;

pub(super) static CHECKS: &[&Check] = &[
    &find_old_ecs_task_definitions::CHECK,
    &find_unused_ecr_images::CHECK,
    &find_unused_ecs_clusters_and_services::CHECK,
    &find_unused_launch_templates::CHECK,
];

/// What ECS runs here, or would run.
struct InUse {
    services: Vec<Arc<Vec<Service>>>,
    tasks: Vec<Arc<Vec<Task>>>,
    scheduled: Arc<Vec<ScheduledTask>>,
}

impl InUse {
    /// Of all clusters. An error means that something was not seen, so that nothing can be called unused.
    async fn seen(cx: &Cx) -> Result<Self, Problem> {
        let clusters = cx.all::<Cluster>().await?;
        let holders = clusters.iter().filter(|it| it.services > 0);
        let services = join_all(holders.map(|it| cx.ask(Services { cluster: it.arn.clone() })));
        let busy = clusters.iter().filter(|it| it.running_tasks > 0 || it.pending_tasks > 0);
        let tasks = join_all(busy.map(|it| cx.ask(RunningTasks { cluster: it.arn.clone() })));
        let scheduled = async {
            let buses = cx.all::<EventBus>().await?;
            cx.ask(ScheduledTasks::of(&clusters, &buses)).await
        };
        let (services, tasks, scheduled) = join!(services, tasks, scheduled);
        let (services, tasks) =
            (services.into_iter().collect::<Result<_, _>>()?, tasks.into_iter().collect::<Result<_, _>>()?);
        Ok(Self { services, tasks, scheduled: scheduled? })
    }

    fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().flat_map(|it| it.iter())
    }

    fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().flat_map(|it| it.iter())
    }

    /// The task definitions that rules start.
    fn scheduled(&self) -> impl Iterator<Item = &String> {
        self.scheduled.iter().filter_map(|it| it.task_definition.as_ref())
    }
}
