//! AWS Resource Groups Tagging API.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words};
use crate::{
    aws::action::TAGGING,
    simulator::answer::{Protocol, Refusal},
};

pub(super) static SERVICE: Service = Service {
    signing: "tagging",
    names: &TAGGING,
    protocol: Protocol::Json,
    words: Words {
        throttled: (400, "ThrottledException"),
        invalid: "InvalidParameterException",
        wrong_token: "PaginationTokenExpiredException",
    },
    is_global: false,
    operations: &[Operation::new("GetResources", get_resources)],
};

/// What was never tagged is not listed.
fn get_resources(cx: &Context<'_>) -> Result<Value, Refusal> {
    let most = cx.call.number("ResourcesPerPage").unwrap_or(50).min(100);
    let asked = cx.call.input.get("ResourceARNList").and_then(Value::as_array);
    if asked.is_some_and(|it| it.is_empty() || it.len() > 100) {
        return Err(cx.call.invalid("ResourceARNList must have length between 1 and 100"));
    }
    let is_asked = |arn: &str| asked.is_none_or(|it| it.iter().any(|it| it == arn));
    let tagged = cx.place().tagged().into_iter().filter(|(arn, tags)| !tags.is_empty() && is_asked(arn)).collect();
    let (page, next) = cx.page(tagged, cx.call.text("PaginationToken"), most)?;
    let tags = |tags: Vec<(&str, String)>| -> Value {
        tags.into_iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
    };
    let list: Vec<_> = page.into_iter().map(|(arn, of)| json!({"ResourceARN": arn, "Tags": tags(of)})).collect();
    Ok(json!({"ResourceTagMappingList": list, "PaginationToken": next.unwrap_or_default()}))
}
