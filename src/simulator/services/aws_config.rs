//! AWS Config.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words};
use crate::{
    aws::action::CONFIG,
    simulator::{
        answer::{Protocol, Refusal},
        world::HOME,
    },
};

pub(super) static SERVICE: Service = Service {
    signing: "config",
    names: &CONFIG,
    protocol: Protocol::Json,
    words: Words {
        throttled: (400, "ThrottlingException"),
        invalid: "InvalidParameterValueException",
        wrong_token: "InvalidNextTokenException",
    },
    is_global: false,
    operations: &[Operation::new("DescribeConfigurationAggregators", describe_configuration_aggregators)],
};

/// One of the whole organization, in the home region of the scanner's account.
#[expect(clippy::unnecessary_wraps, reason = "what every operation returns")]
fn describe_configuration_aggregators(cx: &Context<'_>) -> Result<Value, Refusal> {
    let call = cx.call;
    let is_home = call.account == cx.world.scanner().id && call.region == HOME;
    let source = json!({"RoleArn": format!("arn:aws:iam::{}:role/aggregator", call.account), "AllAwsRegions": true});
    let one = || json!({"ConfigurationAggregatorName": "organization", "OrganizationAggregationSource": source});
    Ok(json!({"ConfigurationAggregators": is_home.then(one).into_iter().collect::<Vec<_>>()}))
}
