//! AWS Account Management.

use serde_json::{Value, json};

use super::{Context, Operation, Route, Service, Verb, Words};
use crate::{
    aws::{action::ACCOUNT, partition},
    simulator::answer::{Protocol, Refusal},
};

pub(super) static SERVICE: Service = Service {
    signing: "account",
    names: &ACCOUNT,
    protocol: Protocol::RestJson,
    words: Words {
        throttled: (429, "TooManyRequestsException"),
        invalid: "ValidationException",
        wrong_token: "ValidationException",
    },
    is_global: true,
    operations: &[Operation::new("ListRegions", list_regions).at(&Route {
        method: Verb::Post,
        path: "/listRegions",
        query: "",
    })],
};

fn list_regions(cx: &Context<'_>) -> Result<Value, Refusal> {
    let most = cx.call.number("MaxResults").unwrap_or(20).min(50);
    let (regions, next) = cx.page(cx.regions.to_vec(), cx.call.text("NextToken"), most)?;
    let by_default = partition::named("aws").default_regions;
    let status = |region: &str| if by_default.contains(&region) { "ENABLED_BY_DEFAULT" } else { "ENABLED" };
    let regions: Vec<_> =
        regions.into_iter().map(|it| json!({"RegionName": it, "RegionOptStatus": status(it)})).collect();
    Ok(json!({"Regions": regions, "NextToken": next}))
}
