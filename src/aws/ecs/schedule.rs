//! Tasks that rules of Amazon `EventBridge` start.

use std::collections::BTreeSet;

use super::{Cluster, said};
use crate::aws::{
    Declared, Place, Question,
    action::{Action, EVENTBRIDGE},
    eventbridge::{EventBus, LIST_TARGETS, PAGE},
    problem::Problem,
    store::OWNED_BYTES,
};

static LIST_RULE_NAMES_BY_TARGET: Action = Action::new(&EVENTBRIDGE, "ListRuleNamesByTarget");

/// What a rule starts when it matches, whether or not the rule is enabled now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScheduledTask {
    /// The ARN of the cluster.
    pub(crate) cluster: String,
    /// The ARN of the task definition; without a revision it means the newest.
    pub(crate) task_definition: Option<String>,
}

/// The tasks that rules of `EventBridge` start in some clusters.
#[derive(Debug)]
pub(crate) struct ScheduledTasks {
    /// The ARNs of the clusters.
    pub(crate) clusters: Vec<String>,
    /// The names of the event buses.
    pub(crate) buses: Vec<String>,
}

impl ScheduledTasks {
    /// The question about these clusters and the rules of these event buses.
    pub(crate) fn of(clusters: &[Cluster], buses: &[EventBus]) -> Self {
        let clusters = clusters.iter().map(|it| it.arn.clone()).collect();
        Self { clusters, buses: buses.iter().map(|it| it.name.clone()).collect() }
    }
}

impl Declared for ScheduledTasks {
    const NAME: &'static str = "ecs::ScheduledTasks";
    const ACTIONS: &'static [&'static Action] = &[&LIST_RULE_NAMES_BY_TARGET, &LIST_TARGETS];
}

impl Question for ScheduledTasks {
    type Answer = Vec<ScheduledTask>;

    fn bytes(&self, answer: &Vec<ScheduledTask>) -> usize {
        answer.len() * (size_of::<ScheduledTask>() + OWNED_BYTES)
    }

    async fn ask(&self, at: &Place) -> Result<Vec<ScheduledTask>, Problem> {
        let mut tasks = Vec::new();
        for bus in &self.buses {
            let mut rules = BTreeSet::new();
            for cluster in &self.clusters {
                rules.extend(rules_for(at, bus, cluster).await?);
            }
            for rule in rules {
                tasks.extend(targets(at, bus, &rule).await?);
            }
        }
        Ok(tasks)
    }
}

async fn rules_for(at: &Place, bus: &str, cluster: &str) -> Result<Vec<String>, Problem> {
    let mut names = Vec::new();
    let send = |token| {
        let asked = at.eventbridge().list_rule_names_by_target().event_bus_name(bus).target_arn(cluster);
        asked.limit(PAGE).set_next_token(token).send()
    };
    at.pages(&LIST_RULE_NAMES_BY_TARGET, send, |page| {
        names.extend(page.rule_names().iter().cloned());
        page.next_token
    })
    .await?;
    Ok(names)
}

async fn targets(at: &Place, bus: &str, rule: &str) -> Result<Vec<ScheduledTask>, Problem> {
    let mut tasks = Vec::new();
    let send = |token| {
        let asked = at.eventbridge().list_targets_by_rule().event_bus_name(bus).rule(rule);
        asked.limit(PAGE).set_next_token(token).send()
    };
    at.pages(&LIST_TARGETS, send, |page| {
        tasks.extend(page.targets().iter().filter_map(task));
        page.next_token
    })
    .await?;
    Ok(tasks)
}

fn task(it: &aws_sdk_eventbridge::types::Target) -> Option<ScheduledTask> {
    let task_definition = said(Some(it.ecs_parameters()?.task_definition_arn()));
    Some(ScheduledTask { cluster: it.arn().to_owned(), task_definition })
}

#[cfg(test)]
mod tests {
    use super::{super::testing::arn, *};
    use crate::aws::{
        problem::Class,
        replies::{Reply, answered, json_denied},
    };

    fn tasks(clusters: &[&str]) -> ScheduledTasks {
        let buses = ["default", "orders"].map(str::to_owned);
        ScheduledTasks { clusters: clusters.iter().map(|it| arn(it)).collect(), buses: buses.to_vec() }
    }

    #[tokio::test]
    async fn every_rule_of_every_bus_is_read_once() {
        let target = r#"{"Id": "1", "Arn": "main", "EcsParameters": {"TaskDefinitionArn": "report:3"}}"#;
        let replies = vec![
            Reply::ok("cluster/main", r#"{"RuleNames": ["nightly"], "NextToken": "r1"}"#),
            Reply::ok("r1", r#"{"RuleNames": []}"#),
            Reply::ok("cluster/other", r#"{"RuleNames": ["nightly"]}"#),
            Reply::ok(
                r#""Rule":"nightly""#,
                format!(r#"{{"Targets": [{{"Id": "0", "Arn": "queue"}}, {target}], "NextToken": "t1"}}"#),
            ),
            Reply::ok("t1", r#"{"Targets": []}"#),
            Reply::ok("orders", r#"{"RuleNames": []}"#),
            Reply::ok("orders", r#"{"RuleNames": []}"#),
        ];
        let tasks = answered(tasks(&["cluster/main", "cluster/other"]), replies).await.0.expect("answered");
        let expected = ScheduledTask { cluster: "main".to_owned(), task_definition: Some("report:3".to_owned()) };
        assert_eq!(tasks, [expected]);
    }

    #[tokio::test]
    async fn no_clusters_need_no_call() {
        assert_eq!(answered(tasks(&[]), Vec::new()).await.0, Ok(Vec::new()));
    }

    #[tokio::test]
    async fn what_is_denied_is_a_problem_and_not_silence() {
        let problem = answered(tasks(&["cluster/main"]), vec![json_denied("ListRuleNamesByTarget")]).await.0;
        let problem = problem.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "events:ListRuleNamesByTarget"));
    }
}
