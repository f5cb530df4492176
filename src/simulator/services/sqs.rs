//! Amazon SQS.

use serde_json::{Map, Value, json};

use super::{Context, Operation, Service, Words};
use crate::{
    aws::action::SQS,
    simulator::{
        answer::{Denial, Protocol, Refusal},
        world::Queue,
    },
};

pub(super) static SERVICE: Service = Service {
    signing: "sqs",
    names: &SQS,
    protocol: Protocol::Json,
    words: Words {
        throttled: (400, "RequestThrottled"),
        invalid: "InvalidParameterValue",
        wrong_token: "InvalidParameterValue",
    },
    is_global: false,
    operations: &[
        Operation::new("ListQueues", list_queues),
        Operation::new("GetQueueAttributes", get_queue_attributes),
        Operation::new("ListDeadLetterSourceQueues", list_dead_letter_source_queues),
    ],
};

/// The most queues on a page.
const MOST: usize = 1000;

fn url(cx: &Context<'_>, name: &str) -> String {
    format!("https://sqs.{}.amazonaws.com/{}/{name}", cx.call.region, cx.call.account)
}

/// Without a size there is one page, and no token.
fn list_queues(cx: &Context<'_>) -> Result<Value, Refusal> {
    let urls: Vec<_> = cx.place().queues().iter().map(|it| url(cx, &it.name)).collect();
    let Some(most) = cx.call.number("MaxResults") else {
        return Ok(json!({"QueueUrls": urls.into_iter().take(MOST).collect::<Vec<_>>()}));
    };
    let (page, next) = cx.page(urls, cx.call.text("NextToken"), most.min(MOST))?;
    Ok(json!({"QueueUrls": page, "NextToken": next}))
}

fn queue(cx: &Context<'_>) -> Result<Queue, Refusal> {
    let name = cx.call.text("QueueUrl").and_then(|it| it.rsplit('/').next()).unwrap_or_default();
    cx.place().queues().into_iter().find(|it| it.name == name).ok_or_else(|| {
        let text = "The specified queue does not exist.".to_owned();
        cx.call.service.refusal(Denial::Other(400, "QueueDoesNotExist", text))
    })
}

fn get_queue_attributes(cx: &Context<'_>) -> Result<Value, Refusal> {
    let queue = queue(cx)?;
    let policy = queue.redrive_permission.map(|it| json!({"redrivePermission": it}).to_string());
    let all = [
        ("ApproximateNumberOfMessages", Some(queue.messages.to_string())),
        ("ApproximateNumberOfMessagesNotVisible", Some("0".to_owned())),
        ("ApproximateNumberOfMessagesDelayed", Some("0".to_owned())),
        ("CreatedTimestamp", Some(queue.created.to_string())),
        ("ReceiveMessageWaitTimeSeconds", Some(queue.wait_time_seconds.to_string())),
        ("QueueArn", Some(cx.place().arn("sqs", &queue.name))),
        ("RedriveAllowPolicy", policy),
    ];
    let names = cx.call.input["AttributeNames"].as_array().map_or(&[][..], Vec::as_slice);
    let is_wanted = |name: &str| names.iter().any(|it| it == name || it == "All");
    let said = all.into_iter().filter(|(name, _)| is_wanted(name));
    let said: Map<String, Value> = said.filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))).collect();
    Ok(json!({"Attributes": said}))
}

fn list_dead_letter_source_queues(cx: &Context<'_>) -> Result<Value, Refusal> {
    let sources: Vec<_> = queue(cx)?.source.iter().map(|it| url(cx, it)).collect();
    let most = cx.call.number("MaxResults").unwrap_or(MOST).min(MOST);
    let (page, next) = cx.page(sources, cx.call.text("NextToken"), most)?;
    Ok(json!({"queueUrls": page, "NextToken": next}))
}
