//! Amazon EC2 Auto Scaling.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words, members};
use crate::{
    aws::action::AUTO_SCALING,
    simulator::answer::{Protocol, Refusal},
};

pub(super) static SERVICE: Service = Service {
    signing: "autoscaling",
    names: &AUTO_SCALING,
    protocol: Protocol::Query("http://autoscaling.amazonaws.com/doc/2011-01-01/"),
    words: Words { throttled: (400, "Throttling"), invalid: "ValidationError", wrong_token: "InvalidNextToken" },
    is_global: false,
    operations: &[Operation::new("DescribeLaunchConfigurations", describe_launch_configurations)],
};

/// Everything here is launched by template.
fn describe_launch_configurations(cx: &Context<'_>) -> Result<Value, Refusal> {
    let (none, next) = cx.page(Vec::<Value>::new(), cx.call.text("NextToken"), 50)?;
    Ok(json!({"LaunchConfigurations": members(none), "NextToken": next}))
}
