//! Amazon SNS.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words, elements, members};
use crate::{
    aws::action::SNS,
    simulator::answer::{Denial, Protocol, Refusal},
};

pub(super) static SERVICE: Service = Service {
    signing: "sns",
    names: &SNS,
    protocol: Protocol::Query("http://sns.amazonaws.com/doc/2010-03-31/"),
    words: Words { throttled: (429, "Throttled"), invalid: "InvalidParameter", wrong_token: "InvalidParameter" },
    is_global: false,
    operations: &[
        Operation::new("ListTopics", list_topics),
        Operation::new("GetTopicAttributes", get_topic_attributes),
    ],
};

/// How many topics are on a page.
const MOST: usize = 100;

fn list_topics(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let (page, next) = cx.page(place.topics(), cx.call.text("NextToken"), MOST)?;
    let topics = page.iter().map(|it| json!({"TopicArn": place.arn("sns", &it.name)}));
    Ok(json!({"Topics": members(topics), "NextToken": next}))
}

fn get_topic_attributes(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let arn = cx.call.text("TopicArn").unwrap_or_default();
    let topic =
        place.topics().into_iter().find(|it| place.arn("sns", &it.name) == arn).ok_or_else(|| {
            cx.call.service.refusal(Denial::Other(404, "NotFound", "Topic does not exist".to_owned()))
        })?;
    let entry = |(key, value): (&str, String)| json!({"key": key, "value": value});
    let entries = [
        ("TopicArn", arn.to_owned()),
        ("Owner", cx.call.account.clone()),
        ("SubscriptionsConfirmed", topic.subscribers.to_string()),
        ("SubscriptionsPending", topic.pending.to_string()),
        ("SubscriptionsDeleted", "0".to_owned()),
    ];
    Ok(json!({"Attributes": elements("entry", entries.into_iter().map(entry).collect())}))
}
