//! Amazon `EventBridge`.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words};
use crate::{
    aws::action::EVENTBRIDGE,
    simulator::{
        answer::{Denial, Protocol, Refusal},
        world::{BUSES, Rule},
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
        Operation::new("ListRules", list_rules),
        Operation::new("ListRuleNamesByTarget", list_rule_names_by_target),
        Operation::new("ListTargetsByRule", list_targets_by_rule),
    ],
};

fn most(cx: &Context<'_>) -> usize {
    cx.call.number("Limit").unwrap_or(100).min(100)
}

fn list_event_buses(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let (page, next) = cx.page(BUSES.to_vec(), cx.call.text("NextToken"), most(cx))?;
    let bus = |it: &&str| json!({"Name": it, "Arn": place.arn("events", &format!("event-bus/{it}"))});
    Ok(json!({"EventBuses": page.iter().map(bus).collect::<Vec<_>>(), "NextToken": next}))
}

/// The rules of the event bus that is asked for: the default one, unless another is named.
fn rules(cx: &Context<'_>) -> Result<Vec<Rule>, Refusal> {
    let bus = cx.call.text("EventBusName").unwrap_or(BUSES[0]);
    if !BUSES.contains(&bus) {
        return Err(not_found(cx, format!("Event bus {bus} does not exist.")));
    }
    Ok(cx.place().rules().into_iter().filter(|it| it.bus == bus).collect())
}

fn not_found(cx: &Context<'_>, text: String) -> Refusal {
    cx.call.service.refusal(Denial::Other(400, "ResourceNotFoundException", text))
}

fn list_rules(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let (page, next) = cx.page(rules(cx)?, cx.call.text("NextToken"), most(cx))?;
    let rule = |it: &Rule| {
        let mut rule = json!({
            "Name": it.name,
            "Arn": place.arn("events", &format!("rule/{}", it.id())),
            "EventBusName": it.bus,
            "EventPattern": "{\"source\":[\"orders\"]}",
            "State": if it.is_enabled { "ENABLED" } else { "DISABLED" },
        });
        if let Some(service) = it.managed_by {
            rule["ManagedBy"] = json!(service);
        }
        rule
    };
    Ok(json!({"Rules": page.iter().map(rule).collect::<Vec<_>>(), "NextToken": next}))
}

fn list_rule_names_by_target(cx: &Context<'_>) -> Result<Value, Refusal> {
    let target = cx.call.text("TargetArn").ok_or_else(|| cx.call.invalid("TargetArn is missing"))?;
    let names = rules(cx)?.into_iter().filter(|it| targets(cx, it).iter().any(|it| it["Arn"] == target));
    let (page, next) = cx.page(names.map(|it| it.name).collect(), cx.call.text("NextToken"), most(cx))?;
    Ok(json!({"RuleNames": page, "NextToken": next}))
}

/// The targets of a rule: functions, unless it starts tasks in a cluster.
fn targets(cx: &Context<'_>, rule: &Rule) -> Vec<Value> {
    let place = cx.place();
    let Some((cluster, definitions)) = &rule.starts else {
        let arn = place.arn("lambda", "function:target");
        return (0..rule.targets).map(|it| json!({"Id": format!("target-{it}"), "Arn": arn})).collect();
    };
    let target = |(number, it): (usize, &String)| {
        json!({
            "Id": format!("target-{number}"),
            "Arn": place.arn("ecs", &format!("cluster/{cluster}")),
            "EcsParameters": {"TaskDefinitionArn": place.arn("ecs", &format!("task-definition/{it}")), "TaskCount": 1},
        })
    };
    definitions.iter().enumerate().map(target).collect()
}

fn list_targets_by_rule(cx: &Context<'_>) -> Result<Value, Refusal> {
    let name = cx.call.text("Rule").unwrap_or_default();
    let rule = rules(cx)?.into_iter().find(|it| it.name == name);
    let rule = rule.ok_or_else(|| not_found(cx, format!("Rule {name} does not exist.")))?;
    let (page, next) = cx.page(targets(cx, &rule), cx.call.text("NextToken"), most(cx))?;
    Ok(json!({"Targets": page, "NextToken": next}))
}
