//! AWS Lambda.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Context, Operation, Route, Service, Words, get};
use crate::{
    aws::action::LAMBDA,
    simulator::{
        answer::{Denial, Protocol, Refusal},
        world::Function,
    },
};

static FUNCTIONS: Route = get("/2015-03-31/functions", "");
static PROVISIONED: Route = get("/2019-09-30/functions/{FunctionName}/provisioned-concurrency", "List=ALL");

pub(super) static SERVICE: Service = Service {
    signing: "lambda",
    names: &LAMBDA,
    protocol: Protocol::RestJson,
    words: Words {
        throttled: (429, "TooManyRequestsException"),
        invalid: "InvalidParameterValueException",
        wrong_token: "InvalidParameterValueException",
    },
    is_global: false,
    operations: &[
        Operation::new("ListFunctions", list_functions).at(&FUNCTIONS),
        Operation::new("ListProvisionedConcurrencyConfigs", list_provisioned).at(&PROVISIONED),
    ],
};

fn list_functions(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let most = cx.call.number("MaxItems").unwrap_or(50).min(50);
    let (page, next) = cx.page(place.functions(), cx.call.text("Marker"), most)?;
    let function = |it: &Function| {
        let modified = Timestamp::from_second(it.modified).unwrap_or_default();
        json!({
            "FunctionName": it.name,
            "FunctionArn": place.arn("lambda", &format!("function:{}", it.name)),
            "Runtime": it.runtime,
            "MemorySize": it.memory_mib,
            "Architectures": [it.architecture],
            "PackageType": "Zip",
            "CodeSize": 1_234_567,
            "LastModified": modified.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string(),
        })
    };
    Ok(json!({"Functions": page.iter().map(function).collect::<Vec<_>>(), "NextMarker": next}))
}

fn list_provisioned(cx: &Context<'_>) -> Result<Value, Refusal> {
    let name = cx.call.text("FunctionName").unwrap_or_default();
    let place = cx.place();
    let function = place.functions().into_iter().find(|it| it.name == name).ok_or_else(|| {
        let text = format!("Function not found: {}", place.arn("lambda", &format!("function:{name}")));
        cx.call.service.refusal(Denial::Other(404, "ResourceNotFoundException", text))
    })?;
    let units = function.provisioned;
    let config = json!({
        "FunctionArn": format!("{}:live", place.arn("lambda", &format!("function:{name}"))),
        "RequestedProvisionedConcurrentExecutions": units,
        "AllocatedProvisionedConcurrentExecutions": units,
        "Status": "READY",
    });
    let configs = if units > 0 { vec![config] } else { Vec::new() };
    let (page, next) = cx.page(configs, cx.call.text("Marker"), 50)?;
    Ok(json!({"ProvisionedConcurrencyConfigs": page, "NextMarker": next}))
}
