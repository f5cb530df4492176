//! Running tasks of a cluster.

use super::{all_described, said};
use crate::aws::{
    Declared, Place, Question,
    action::{Action, ECS},
    problem::Problem,
    store::OWNED_BYTES,
};

static LIST_TASKS: Action = Action::new(&ECS, "ListTasks");
static DESCRIBE_TASKS: Action = Action::new(&ECS, "DescribeTasks");

/// The most tasks on a page and in one description
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html>, read Oct 2026).
const MOST: usize = 100;

/// The id of a task that there is not: on trial, ECS is asked about it where a cluster has none.
const NO_TASK: &str = "00000000000000000000000000000000";

/// A task that runs or is about to.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) task_definition: Option<String>,
    /// The images of its containers, as they are written in the task definition, and their digests.
    pub(crate) images: Vec<String>,
}

/// All tasks of a cluster that are meant to run, those of services included.
#[derive(Debug)]
pub(crate) struct RunningTasks {
    /// Its ARN.
    pub(crate) cluster: String,
}

impl Declared for RunningTasks {
    const NAME: &'static str = "ecs::RunningTasks";
    const ACTIONS: &'static [&'static Action] = &[&LIST_TASKS, &DESCRIBE_TASKS];
}

impl Question for RunningTasks {
    type Answer = Vec<Task>;

    fn bytes(&self, answer: &Vec<Task>) -> usize {
        answer.len() * (size_of::<Task>() + OWNED_BYTES)
    }

    async fn ask(&self, at: &Place) -> Result<Vec<Task>, Problem> {
        let mut arns = Vec::new();
        let send = |token| at.ecs().list_tasks().cluster(&self.cluster).max_results(100).set_next_token(token).send();
        at.pages(&LIST_TASKS, send, |page| {
            arns.extend(page.task_arns().iter().cloned());
            page.next_token
        })
        .await?;
        if arns.is_empty() && at.trial().is_some() {
            arns.push(NO_TASK.to_owned());
        }
        let mut tasks = Vec::new();
        for some in arns.chunks(MOST) {
            let send = || at.ecs().describe_tasks().cluster(&self.cluster).set_tasks(Some(some.to_vec())).send();
            let answer = at.call(&DESCRIBE_TASKS, send).await?;
            all_described(&DESCRIBE_TASKS, answer.failures())?;
            tasks.extend(answer.tasks().iter().map(task));
        }
        Ok(tasks)
    }
}

fn task(it: &aws_sdk_ecs::types::Task) -> Task {
    let images = it.containers().iter().flat_map(|it| [it.image(), it.image_digest()]);
    Task { task_definition: said(it.task_definition_arn()), images: images.filter_map(said).collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::*, *};
    use crate::aws::{
        problem::Class,
        replies::{answered, json_denied},
    };

    fn tasks() -> RunningTasks {
        RunningTasks { cluster: arn("cluster/main") }
    }

    #[tokio::test]
    async fn every_page_of_tasks_is_read_and_described() {
        let names: Vec<_> = (0..101).map(|it| arn(&format!("task/main/t{it}"))).collect();
        let container = json!({"image": "uri/web:v1", "imageDigest": "sha256:1"});
        let task = json!({"taskDefinitionArn": "web:1", "containers": [container]});
        let replies = vec![
            reply("ListTasks", &json!({"taskArns": &names[..60], "nextToken": "t1"})),
            reply("nextToken", &json!({"taskArns": [], "nextToken": "t2"})),
            reply("nextToken", &json!({"taskArns": &names[60..]})),
            reply("task/main/t99", &json!({"tasks": [task]})),
            reply("task/main/t100", &json!({"tasks": [{}], "failures": [{"arn": "x", "reason": "MISSING"}]})),
        ];
        let tasks = answered(tasks(), replies).await.0.expect("answered");
        let definitions: Vec<_> = tasks.iter().map(|it| it.task_definition.as_deref()).collect();
        assert_eq!(definitions, [Some("web:1"), None]);
        assert_eq!(tasks[0].images, ["uri/web:v1", "sha256:1"]);
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let problem = answered(tasks(), vec![json_denied("ListTasks")]).await.0.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "ecs:ListTasks"));
    }
}
