//! Task definitions, each revision of which stays until it is deregistered.

use jiff::Timestamp;

use super::said;
use crate::aws::{
    At, Collect, Declared, Place, Question, Resource,
    action::{Action, ECS},
    problem::{Class, Problem},
    timestamp,
};

static LIST_TASK_DEFINITIONS: Action = Action::new(&ECS, "ListTaskDefinitions");
static DESCRIBE_TASK_DEFINITION: Action = Action::new(&ECS, "DescribeTaskDefinition");

/// A revision of a task definition that tasks can be started from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    /// `arn:aws:ecs:eu-west-1:111122223333:task-definition/web:7`.
    pub(crate) arn: String,
    pub(crate) family: String,
    pub(crate) number: u64,
}

impl Revision {
    /// The revision that an ARN names, or a text of the form `web:7`. `None` where it names none.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let short = name.rsplit_once("task-definition/").map_or(name, |it| it.1);
        let (family, number) = short.rsplit_once(':')?;
        Some(Self { arn: name.to_owned(), family: family.to_owned(), number: number.parse().ok()? })
    }
}

/// All revisions of a task definition.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    name: String,
    arn: String,
}

impl Family {
    /// The family of a revision. Its ARN is that of the revision without the number, as AWS itself takes it.
    pub(crate) fn of(revision: &Revision) -> Self {
        let arn = revision.arn.strip_suffix(&format!(":{}", revision.number)).unwrap_or(&revision.arn);
        Self { name: revision.family.clone(), arn: arn.to_owned() }
    }
}

impl Resource for Family {
    const TYPE: &'static str = "AWS::ECS::TaskDefinition";

    fn id(&self) -> &str {
        &self.name
    }

    fn arn(&self, _: &At) -> Option<String> {
        Some(self.arn.clone())
    }
}

impl Declared for Revision {
    const NAME: &'static str = "ecs::Revision";
    const ACTIONS: &'static [&'static Action] = &[&LIST_TASK_DEFINITIONS];
}

impl Collect for Revision {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut arns = Vec::new();
        let send = |token| {
            let asked = at.ecs().list_task_definitions().status(aws_sdk_ecs::types::TaskDefinitionStatus::Active);
            asked.max_results(100).set_next_token(token).send()
        };
        at.pages(&LIST_TASK_DEFINITIONS, send, |page| {
            arns.extend(page.task_definition_arns().iter().cloned());
            page.next_token
        })
        .await?;
        let revision = |it: &String| {
            Revision::of(it).ok_or_else(|| {
                Problem::new(Class::InvalidExchange, &LIST_TASK_DEFINITIONS, format!("{it} names no revision"))
            })
        };
        arns.iter().map(revision).collect()
    }
}

/// What one revision of a task definition says.
#[derive(Debug)]
pub(crate) struct TaskDefinition {
    /// Its ARN.
    pub(crate) arn: String,
}

/// What is known of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Registration {
    /// When it was registered; AWS has no time for very old ones.
    pub(crate) registered: Option<Timestamp>,
    /// The images of its containers, as they are written there.
    pub(crate) images: Vec<String>,
}

impl Declared for TaskDefinition {
    const NAME: &'static str = "ecs::TaskDefinition";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_TASK_DEFINITION];
}

impl Question for TaskDefinition {
    type Answer = Registration;

    async fn ask(&self, at: &Place) -> Result<Registration, Problem> {
        let send = || at.ecs().describe_task_definition().task_definition(&self.arn).send();
        let answer = at.call(&DESCRIBE_TASK_DEFINITION, send).await?;
        let definition = answer.task_definition().ok_or_else(|| {
            Problem::new(Class::InvalidExchange, &DESCRIBE_TASK_DEFINITION, "an answer without a task definition")
        })?;
        let images = definition.container_definitions().iter().filter_map(|it| said(it.image()));
        Ok(Registration { registered: timestamp(definition.registered_at()), images: images.collect() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::*, *};
    use crate::aws::replies::{answered, collected, json_denied};

    #[tokio::test]
    async fn every_page_of_revisions_is_read_also_past_an_empty_one() {
        let (one, two) = (arn("task-definition/web:1"), arn("task-definition/a-b_c:12"));
        let revisions = collected::<Revision>(vec![
            reply("ACTIVE", &json!({"taskDefinitionArns": [one], "nextToken": "t1"})),
            reply("t1", &json!({"taskDefinitionArns": [], "nextToken": "t2"})),
            reply("t2", &json!({"taskDefinitionArns": [two]})),
        ])
        .await
        .expect("collected");
        let names: Vec<_> = revisions.iter().map(|it| (it.family.as_str(), it.number)).collect();
        assert_eq!(names, [("web", 1), ("a-b_c", 12)]);
        assert_eq!(revisions[0].arn, one);
    }

    #[test]
    fn a_name_without_a_revision_names_none() {
        assert_eq!(Revision::of("web:3").map(|it| (it.family, it.number)), Some(("web".to_owned(), 3)));
        assert_eq!(Revision::of(&arn("task-definition/web")), None);
        assert_eq!(Revision::of("web:latest"), None);
    }

    #[tokio::test]
    async fn a_list_that_names_no_revision_is_a_problem() {
        let page = json!({"taskDefinitionArns": [arn("task-definition/web")]});
        let problem = collected::<Revision>(vec![reply("ACTIVE", &page)]).await.expect_err("unreadable");
        assert_eq!(problem.class, Class::InvalidExchange);
    }

    fn web() -> TaskDefinition {
        TaskDefinition { arn: arn("task-definition/web:1") }
    }

    #[tokio::test]
    async fn the_time_and_the_images_of_a_revision_are_read() {
        let containers = json!([{"image": "uri/web:v1"}, {"name": "side"}]);
        let definition = json!({"registeredAt": 1_777_629_600, "containerDefinitions": containers});
        let replies = vec![reply("task-definition/web:1", &json!({"taskDefinition": definition}))];
        let answer = answered(web(), replies).await.0.expect("answered");
        assert_eq!(answer.registered.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00Z"));
        assert_eq!(answer.images, ["uri/web:v1"]);
        let unsaid = vec![reply("DescribeTaskDefinition", &json!({"taskDefinition": {}}))];
        assert_eq!(answered(web(), unsaid).await.0.expect("answered").registered, None);
        let nothing = vec![reply("DescribeTaskDefinition", &json!({}))];
        assert_eq!(answered(web(), nothing).await.0.expect_err("nothing").class, Class::InvalidExchange);
    }

    #[tokio::test]
    async fn what_is_denied_is_a_problem() {
        let problem = collected::<Revision>(vec![json_denied("ListTaskDefinitions")]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "ecs:ListTaskDefinitions"));
        let problem = answered(web(), vec![json_denied("DescribeTaskDefinition")]).await.0.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "ecs:DescribeTaskDefinition"));
    }
}
