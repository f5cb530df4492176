//! Services of a cluster.

use jiff::Timestamp;

use super::{all_described, said, tags_of};
use crate::aws::{
    At, Declared, Place, Question, Resource, Tags,
    action::{Action, ECS},
    problem::Problem,
    store::OWNED_BYTES,
    timestamp,
};

static LIST_SERVICES: Action = Action::new(&ECS, "ListServices");
static DESCRIBE_SERVICES: Action = Action::new(&ECS, "DescribeServices");

/// The most services in one description
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html>, read Oct 2026).
const MOST: usize = 10;

/// A service of an ECS cluster.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) arn: String,
    /// `ACTIVE`, `DRAINING`, `INACTIVE`.
    pub(crate) status: Option<String>,
    pub(crate) desired_tasks: i32,
    pub(crate) running_tasks: i32,
    pub(crate) pending_tasks: i32,
    pub(crate) created: Option<Timestamp>,
    /// The task definitions that it, its deployments and its task sets start tasks from.
    pub(crate) task_definitions: Vec<String>,
    /// How many target groups and load balancers it is behind.
    pub(crate) load_balancers: usize,
    pub(crate) tags: Tags,
}

impl Resource for Service {
    const TYPE: &'static str = "AWS::ECS::Service";

    fn id(&self) -> &str {
        &self.arn
    }

    fn arn(&self, _: &At) -> Option<String> {
        Some(self.arn.clone())
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

/// All services of a cluster.
#[derive(Debug)]
pub(crate) struct Services {
    /// Its ARN.
    pub(crate) cluster: String,
}

impl Declared for Services {
    const NAME: &'static str = "ecs::Services";
    const ACTIONS: &'static [&'static Action] = &[&LIST_SERVICES, &DESCRIBE_SERVICES];
}

impl Question for Services {
    type Answer = Vec<Service>;

    fn bytes(&self, answer: &Vec<Service>) -> usize {
        answer.len() * (size_of::<Service>() + OWNED_BYTES)
    }

    async fn ask(&self, at: &Place) -> Result<Vec<Service>, Problem> {
        let mut arns = Vec::new();
        let send =
            |token| at.ecs().list_services().cluster(&self.cluster).max_results(100).set_next_token(token).send();
        at.pages(&LIST_SERVICES, send, |page| {
            arns.extend(page.service_arns().iter().cloned());
            page.next_token
        })
        .await?;
        let mut services = Vec::new();
        for some in arns.chunks(MOST) {
            let send = || {
                let asked = at.ecs().describe_services().cluster(&self.cluster);
                asked.set_services(Some(some.to_vec())).include(aws_sdk_ecs::types::ServiceField::Tags).send()
            };
            let answer = at.call(&DESCRIBE_SERVICES, send).await?;
            all_described(&DESCRIBE_SERVICES, answer.failures())?;
            services.extend(answer.services().iter().filter_map(service));
        }
        Ok(services)
    }
}

fn service(it: &aws_sdk_ecs::types::Service) -> Option<Service> {
    let definitions = (it.task_definition().into_iter())
        .chain(it.deployments().iter().filter_map(|it| it.task_definition()))
        .chain(it.task_sets().iter().filter_map(|it| it.task_definition()));
    Some(Service {
        name: it.service_name()?.to_owned(),
        arn: it.service_arn()?.to_owned(),
        status: said(it.status()),
        desired_tasks: it.desired_count(),
        running_tasks: it.running_count(),
        pending_tasks: it.pending_count(),
        created: timestamp(it.created_at()),
        task_definitions: definitions.filter_map(|it| said(Some(it))).collect(),
        load_balancers: it.load_balancers().len(),
        tags: tags_of(it.tags()),
    })
}

#[cfg(test)]
impl Service {
    /// A service of two running tasks, created 200 days ago.
    pub(crate) fn example(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            arn: super::testing::arn(&format!("service/{name}")),
            status: Some("ACTIVE".to_owned()),
            desired_tasks: 2,
            running_tasks: 2,
            pending_tasks: 0,
            created: crate::check::testing::days_ago(200),
            task_definitions: vec![super::testing::arn("task-definition/web:1")],
            load_balancers: 1,
            tags: Tags::new(),
        }
    }

    /// The same, which asks for so many tasks and has none.
    pub(crate) fn without_tasks(name: &str, desired_tasks: i32) -> Self {
        Self { desired_tasks, running_tasks: 0, ..Self::example(name) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::*, *};
    use crate::aws::{
        problem::Class,
        replies::{answered, json_denied},
    };

    fn services() -> Services {
        Services { cluster: arn("cluster/main") }
    }

    #[tokio::test]
    async fn every_page_of_services_is_read_and_ten_are_described_at_once() {
        let names: Vec<_> = (0..11).map(|it| arn(&format!("service/main/s{it}"))).collect();
        let one = json!({
            "serviceName": "one", "serviceArn": arn("service/main/one"), "status": "ACTIVE", "desiredCount": 3,
            "runningCount": 2, "pendingCount": 1, "createdAt": 1_777_629_600, "taskDefinition": "web:3",
            "deployments": [{"taskDefinition": "web:2"}], "taskSets": [{"taskDefinition": "web:1"}],
            "loadBalancers": [{"targetGroupArn": "tg"}], "tags": [{"key": "team", "value": "web"}],
        });
        let two = json!({"serviceName": "two", "serviceArn": arn("service/main/two")});
        let replies = vec![
            reply("ListServices", &json!({"serviceArns": &names[..5], "nextToken": "t1"})),
            reply("t1", &json!({"serviceArns": [], "nextToken": "t2"})),
            reply("t2", &json!({"serviceArns": &names[5..]})),
            reply("service/main/s9", &json!({"services": [one]})),
            reply("service/main/s10", &json!({"services": [two], "failures": [{"arn": "x", "reason": "MISSING"}]})),
        ];
        let services = answered(services(), replies).await.0.expect("answered");
        let [one, two] = services.as_slice() else { panic!("two services, not {services:?}") };
        assert_eq!((one.name.as_str(), one.desired_tasks, one.running_tasks, one.pending_tasks), ("one", 3, 2, 1));
        assert_eq!(one.task_definitions, ["web:3", "web:2", "web:1"]);
        assert_eq!(one.created.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00Z"));
        assert_eq!((one.load_balancers, one.tags.len()), (1, 1));
        assert_eq!((two.created, two.status.as_deref()), (None, None));
    }

    #[tokio::test]
    async fn a_service_that_is_not_described_is_a_problem() {
        let replies = vec![
            reply("ListServices", &json!({"serviceArns": ["one"]})),
            reply("DescribeServices", &json!({"services": [], "failures": [{"arn": "one"}]})),
        ];
        let problem = answered(services(), replies).await.0.expect_err("not described");
        assert_eq!(problem.message, "ECS did not describe one: for no reason given");
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let problem = answered(services(), vec![json_denied("ListServices")]).await.0.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "ecs:ListServices"));
    }
}
