//! Amazon EventBridge: one bus, and rules that start tasks.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words};
use crate::{
    aws::action::EVENTBRIDGE,
    simulator::{
        answer::{Denial, Protocol, Refusal},
        world::Cluster,
    },
};

pub(super) static SERVICE: Service = Service {
    signing: "events",
    names: &EVENTBRIDGE,
    protocol: Protocol::Json,
    words: Words {
        throttled: (400, "ThrottlingException"),
        invalid: "ValidationException",
        wrong_token: "ValidationException",
    },
    is_global: false,
    operations: &[
        Operation::new("ListEventBuses", list_event_buses),
        Operation::new("ListRuleNamesByTarget", list_rule_names_by_target),
        Operation::new("ListTargetsByRule", list_targets_by_rule),
    ],
};

/// A page of a list under its own name.
fn list(cx: &Context<'_>, name: &str, all: Vec<Value>) -> Result<Value, Refusal> {
    let most = cx.call.number("Limit").unwrap_or(100).min(100);
    let (page, next) = cx.page(all, cx.call.text("NextToken"), most)?;
    Ok(json!({name: page, "NextToken": next}))
}

fn arn(cx: &Context<'_>, service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{}:{}:{resource}", cx.call.region, cx.call.account)
}

fn list_event_buses(cx: &Context<'_>) -> Result<Value, Refusal> {
    list(cx, "EventBuses", vec![json!({"Name": "default", "Arn": arn(cx, "events", "event-bus/default")})])
}

/// The rules here by name: one for each cluster in which tasks are started.
fn rules(cx: &Context<'_>) -> Vec<(String, Cluster)> {
    let clusters = cx.place().clusters().into_iter().filter(|it| !it.scheduled.is_empty());
    clusters.map(|it| (format!("start-in-{}", it.name), it)).collect()
}

fn cluster_arn(cx: &Context<'_>, it: &Cluster) -> String {
    arn(cx, "ecs", &format!("cluster/{}", it.name))
}

fn list_rule_names_by_target(cx: &Context<'_>) -> Result<Value, Refusal> {
    let target = cx.call.text("TargetArn").ok_or_else(|| cx.call.invalid("TargetArn is missing"))?;
    let rules = rules(cx).into_iter().filter(|(_, it)| cluster_arn(cx, it) == target);
    list(cx, "RuleNames", rules.map(|it| json!(it.0)).collect())
}

fn list_targets_by_rule(cx: &Context<'_>) -> Result<Value, Refusal> {
    let name = cx.call.text("Rule").unwrap_or_default();
    let (_, cluster) = rules(cx).into_iter().find(|it| it.0 == name).ok_or_else(|| {
        let text = format!("Rule {name} does not exist on EventBus default.");
        cx.call.service.refusal(Denial::Other(400, "ResourceNotFoundException", text))
    })?;
    let target = |(number, it): (usize, &String)| {
        json!({
            "Id": number.to_string(),
            "Arn": cluster_arn(cx, &cluster),
            "EcsParameters": {"TaskDefinitionArn": arn(cx, "ecs", &format!("task-definition/{it}")), "TaskCount": 1},
        })
    };
    list(cx, "Targets", cluster.scheduled.iter().enumerate().map(target).collect())
}
