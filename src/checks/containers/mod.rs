//! What containers and their instances are started from, and what nothing is started from any more.

use crate::check::Check;

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
