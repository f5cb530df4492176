//! Amazon EC2 Auto Scaling.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words, members};
use crate::{
    aws::action::AUTO_SCALING,
    simulator::{
        answer::{Protocol, Refusal},
        world::{Group, TargetGroup},
    },
};

pub(super) static SERVICE: Service = Service {
    signing: "autoscaling",
    names: &AUTO_SCALING,
    protocol: Protocol::Query("http://autoscaling.amazonaws.com/doc/2011-01-01/"),
    words: Words { throttled: (400, "Throttling"), invalid: "ValidationError", wrong_token: "InvalidNextToken" },
    is_global: false,
    operations: &[
        Operation::new("DescribeAutoScalingGroups", describe_auto_scaling_groups),
        Operation::new("DescribeLaunchConfigurations", describe_launch_configurations),
    ],
};

/// One group for each target group that is kept for one.
fn describe_auto_scaling_groups(cx: &Context<'_>) -> Result<Value, Refusal> {
    let most = cx.call.number("MaxRecords").unwrap_or(50).min(100);
    let kept = cx.place().target_groups().into_iter().filter(|it| it.is_scaled).collect();
    let (page, next) = cx.page(kept, cx.call.text("NextToken"), most)?;
    let group = |it: &TargetGroup| {
        json!({
            "AutoScalingGroupName": it.name,
            "MinSize": 0,
            "MaxSize": 4,
            "DesiredCapacity": 0,
            "TargetGroupARNs": members([json!(it.arn)]),
        })
    };
    Ok(json!({"AutoScalingGroups": members(page.iter().map(group)), "NextToken": next}))
}

/// Images of one's own are launched by template; launch configurations name security groups alone.
fn describe_launch_configurations(cx: &Context<'_>) -> Result<Value, Refusal> {
    let most = cx.call.number("MaxRecords").unwrap_or(50).min(100);
    let groups = cx.place().groups().into_iter().filter(|it| it.launched).collect();
    let (page, next) = cx.page(groups, cx.call.text("NextToken"), most)?;
    let configuration = |it: &Group| {
        json!({
            "LaunchConfigurationName": it.id,
            "InstanceType": "m5.large",
            "SecurityGroups": members([json!(it.id)]),
        })
    };
    Ok(json!({"LaunchConfigurations": members(page.iter().map(configuration)), "NextToken": next}))
}
