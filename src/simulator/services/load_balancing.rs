//! Elastic Load Balancing: two APIs with one name, told apart by the version of the form.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Context, Operation, Service, Words, members};
use crate::{
    aws::action::{CLASSIC_LOAD_BALANCING, LOAD_BALANCING},
    simulator::{
        answer::{Protocol, Refusal},
        world::{Balancer, TargetGroup},
    },
};

/// The name of both in the scope of a signature.
pub(super) const SIGNING: &str = "elasticloadbalancing";

/// The version of the older API, as its requests give it.
pub(super) const CLASSIC_VERSION: &[u8] = b"Version=2012-06-01";

pub(super) static SERVICE: Service = Service {
    signing: SIGNING,
    names: &LOAD_BALANCING,
    protocol: Protocol::Query("http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"),
    words: Words { throttled: (400, "Throttling"), invalid: "ValidationError", wrong_token: "ValidationError" },
    is_global: false,
    operations: &[
        Operation::new("DescribeLoadBalancers", describe_load_balancers),
        Operation::new("DescribeTargetGroups", describe_target_groups),
        Operation::new("DescribeTargetHealth", describe_target_health),
    ],
};

pub(super) static CLASSIC: Service = Service {
    signing: SIGNING,
    names: &CLASSIC_LOAD_BALANCING,
    protocol: Protocol::Query("http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/"),
    words: Words { throttled: (400, "Throttling"), invalid: "ValidationError", wrong_token: "ValidationError" },
    is_global: false,
    operations: &[Operation::new("DescribeLoadBalancers", describe_classic)],
};

fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// A page of a list under its own name.
fn list<T>(cx: &Context<'_>, name: &str, all: Vec<T>, show: impl Fn(&T) -> Value) -> Result<Value, Refusal> {
    let most = cx.call.number("PageSize").unwrap_or(400).min(400);
    let (page, next) = cx.page(all, cx.call.text("Marker"), most)?;
    Ok(json!({name: members(page.iter().map(show)), "NextMarker": next}))
}

fn describe_load_balancers(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let current = place.balancers().into_iter().filter(|it| it.kind != "classic").collect();
    list(cx, "LoadBalancers", current, |it: &Balancer| {
        let zones = ["a", "b"].map(|zone| json!({"ZoneName": format!("{}{zone}", place.region)}));
        json!({
            "LoadBalancerArn": it.arn,
            "LoadBalancerName": it.name,
            "Type": it.kind,
            "Scheme": it.scheme,
            "State": {"Code": "active"},
            "VpcId": place.vpc(),
            "CreatedTime": time(it.created),
            "IpAddressType": "ipv4",
            "AvailabilityZones": members(zones),
        })
    })
}

fn describe_target_groups(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    list(cx, "TargetGroups", place.target_groups(), |it: &TargetGroup| {
        json!({
            "TargetGroupArn": it.arn,
            "TargetGroupName": it.name,
            "TargetType": "ip",
            "Protocol": "HTTP",
            "Port": 8080,
            "VpcId": place.vpc(),
            "LoadBalancerArns": members(it.balancer.iter().map(|it| json!(it))),
        })
    })
}

fn describe_target_health(cx: &Context<'_>) -> Result<Value, Refusal> {
    let arn = cx.call.text("TargetGroupArn").unwrap_or_default();
    let group = cx.place().target_groups().into_iter().find(|it| it.arn == arn);
    let group = group.ok_or_else(|| cx.call.invalid(format!("Target group '{arn}' not found")))?;
    let target =
        |number: usize| json!({"Target": {"Id": format!("10.0.0.{number}")}, "TargetHealth": {"State": "healthy"}});
    Ok(json!({"TargetHealthDescriptions": members((0..group.targets).map(target))}))
}

fn describe_classic(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let classic = place.balancers().into_iter().filter(|it| it.kind == "classic").collect();
    list(cx, "LoadBalancerDescriptions", classic, |it: &Balancer| {
        json!({
            "LoadBalancerName": it.name,
            "Scheme": it.scheme,
            "VPCId": place.vpc(),
            "CreatedTime": time(it.created),
            "AvailabilityZones": members([json!(format!("{}a", place.region))]),
            "Instances": members([json!({"InstanceId": place.vpc().replace("vpc-", "i-")})]),
        })
    })
}
