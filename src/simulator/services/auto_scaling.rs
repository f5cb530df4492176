//! Amazon EC2 Auto Scaling.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words, members};
use crate::{
    aws::action::AUTO_SCALING,
    simulator::{
        answer::{Protocol, Refusal},
        world::{Group, Launcher, TargetGroup, Template},
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

/// One group for each target group that is kept for one, and for each template that groups launch from.
fn describe_auto_scaling_groups(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let most = cx.call.number("MaxRecords").unwrap_or(50).min(100);
    let scaled = place.target_groups().into_iter().filter(|it| it.is_scaled).map(|it| scaling(&it));
    let plain = place.templates_of(Launcher::Group).into_iter().map(|it| launching(&it, false));
    let mixed = place.templates_of(Launcher::Override).into_iter().map(|it| launching(&it, true));
    let (page, next) = cx.page(scaled.chain(plain).chain(mixed).collect(), cx.call.text("NextToken"), most)?;
    Ok(json!({"AutoScalingGroups": members(page), "NextToken": next}))
}

fn scaling(it: &TargetGroup) -> Value {
    json!({
        "AutoScalingGroupName": it.name,
        "MinSize": 0,
        "MaxSize": 4,
        "DesiredCapacity": 0,
        "TargetGroupARNs": members([json!(it.arn)]),
    })
}

fn launching(it: &Template, mixed: bool) -> Value {
    let specification = json!({"LaunchTemplateId": it.id, "LaunchTemplateName": it.name, "Version": "$Latest"});
    let overrides = members([json!({"InstanceType": "m5.large", "LaunchTemplateSpecification": specification})]);
    json!({
        "AutoScalingGroupName": format!("group-of-{}", it.name),
        "MinSize": 0,
        "MaxSize": 4,
        "DesiredCapacity": 1,
        "LaunchTemplate": (!mixed).then_some(specification),
        "MixedInstancesPolicy": mixed.then(|| json!({"LaunchTemplate": {"Overrides": overrides}})),
    })
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
