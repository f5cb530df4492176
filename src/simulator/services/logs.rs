//! Amazon `CloudWatch` Logs.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words};
use crate::{
    aws::action::LOGS,
    simulator::{
        answer::{Denial, Protocol, Refusal},
        world::LogGroup,
    },
};

pub(super) static SERVICE: Service = Service {
    signing: "logs",
    names: &LOGS,
    protocol: Protocol::Json,
    words: Words {
        throttled: (400, "ThrottlingException"),
        invalid: "InvalidParameterException",
        wrong_token: "InvalidParameterException",
    },
    is_global: false,
    operations: &[
        Operation::new("DescribeLogGroups", describe_log_groups),
        Operation::new("DescribeLogStreams", describe_log_streams),
    ],
};

/// The most on a page.
const MOST: usize = 50;

/// The size of the page asked for.
fn most(cx: &Context<'_>) -> Result<usize, Refusal> {
    let limit = cx.call.number("limit").unwrap_or(MOST);
    if (1..=MOST).contains(&limit) {
        return Ok(limit);
    }
    Err(cx.call.invalid("Value at 'limit' failed to satisfy constraint: Member must be between 1 and 50"))
}

fn describe_log_groups(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let (page, next) = cx.page(place.log_groups(), cx.call.text("nextToken"), most(cx)?)?;
    let group = |it: &LogGroup| {
        let arn = place.arn("logs", &format!("log-group:{}", it.name));
        let mut group = json!({
            "logGroupName": it.name,
            "creationTime": it.created * 1000,
            "metricFilterCount": 0,
            "arn": format!("{arn}:*"),
            "logGroupArn": arn,
            "storedBytes": it.stored_bytes,
            "logGroupClass": it.class,
            "deletionProtectionEnabled": it.deletion_protected,
        });
        if let Some(days) = it.retention_days {
            group["retentionInDays"] = json!(days);
        }
        group
    };
    Ok(json!({"logGroups": page.iter().map(group).collect::<Vec<_>>(), "nextToken": next}))
}

/// There is one stream in each log group that an event ever came to.
fn describe_log_streams(cx: &Context<'_>) -> Result<Value, Refusal> {
    let name = cx.call.text("logGroupName").unwrap_or_default();
    let place = cx.place();
    let group = place.log_groups().into_iter().find(|it| it.name == name).ok_or_else(|| {
        let text = "The specified log group does not exist.".to_owned();
        cx.call.service.refusal(Denial::Other(400, "ResourceNotFoundException", text))
    })?;
    let arn = place.arn("logs", &format!("log-group:{name}:log-stream:main"));
    let stream = |last: i64| {
        json!({
            "logStreamName": "main",
            "creationTime": group.created * 1000,
            "firstEventTimestamp": group.created * 1000,
            "lastEventTimestamp": last * 1000,
            "lastIngestionTime": last * 1000 + 400,
            "arn": arn,
            "storedBytes": 0,
        })
    };
    let streams: Vec<_> = group.last_event.map(stream).into_iter().collect();
    let (page, next) = cx.page(streams, cx.call.text("nextToken"), most(cx)?)?;
    Ok(json!({"logStreams": page, "nextToken": next}))
}
