//! Amazon EC2, with EBS and VPC.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Context, Operation, Service, Words, items};
use crate::{
    aws::action::EC2,
    simulator::{
        answer::{Protocol, Refusal},
        world::{
            Address, Endpoint, Fate, Gateway, Group, Image, Instance, Interface, InternetGateway, Launcher, Snapshot,
            Template, Volume,
        },
    },
};

pub(super) static SERVICE: Service = Service {
    signing: "ec2",
    names: &EC2,
    protocol: Protocol::Ec2,
    words: Words {
        throttled: (503, "RequestLimitExceeded"),
        invalid: "InvalidParameterValue",
        wrong_token: "InvalidParameterValue",
    },
    is_global: false,
    operations: &[
        Operation::new("DescribeRegions", describe_regions),
        Operation::new("DescribeAddresses", describe_addresses),
        Operation::new("DescribeFleets", describe_fleets),
        Operation::new("DescribeImageAttribute", describe_image_attribute),
        Operation::new("DescribeImages", describe_images),
        Operation::new("DescribeInstances", describe_instances),
        Operation::new("DescribeInternetGateways", describe_internet_gateways),
        Operation::new("DescribeLaunchTemplates", describe_launch_templates),
        Operation::new("DescribeLaunchTemplateVersions", describe_launch_template_versions),
        Operation::new("DescribeNatGateways", describe_nat_gateways),
        Operation::new("DescribeNetworkInterfaces", describe_network_interfaces),
        Operation::new("DescribeRouteTables", describe_route_tables),
        Operation::new("DescribeSecurityGroups", describe_security_groups),
        Operation::new("DescribeSnapshots", describe_snapshots),
        Operation::new("DescribeSpotFleetRequests", describe_spot_fleet_requests),
        Operation::new("DescribeSpotInstanceRequests", describe_spot_instance_requests),
        Operation::new("DescribeVolumes", describe_volumes),
        Operation::new("DescribeVpcEndpoints", describe_vpc_endpoints),
        Operation::new("DescribeVpcs", describe_vpcs),
    ],
};

/// What most lists give on a page where nobody asks for less.
const PAGE: usize = 1000;

fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

fn tags(tags: &[(&'static str, String)]) -> Value {
    items(tags.iter().map(|(key, value)| json!({"key": key, "value": value})))
}

/// A page of a list under its own name.
fn list<T>(cx: &Context<'_>, name: &str, all: Vec<T>, show: impl Fn(&T) -> Value) -> Result<Value, Refusal> {
    let most = cx.call.number("MaxResults").unwrap_or(PAGE).min(PAGE);
    let (page, next) = cx.page(all, cx.call.text("NextToken"), most)?;
    Ok(json!({name: items(page.iter().map(show)), "nextToken": next}))
}

#[expect(clippy::unnecessary_wraps, reason = "what every operation returns")]
fn describe_regions(cx: &Context<'_>) -> Result<Value, Refusal> {
    let region = |it: &&str| json!({"regionName": it, "optInStatus": "opt-in-not-required"});
    Ok(json!({"regionInfo": items(cx.regions.iter().map(region))}))
}

/// AWS gives all addresses at once.
#[expect(clippy::unnecessary_wraps, reason = "what every operation returns")]
fn describe_addresses(cx: &Context<'_>) -> Result<Value, Refusal> {
    let address = |it: &Address| {
        let association = it.interface.as_ref().map(|it| it.replace("eni-", "eipassoc-"));
        json!({
            "allocationId": it.allocation,
            "publicIp": it.ip,
            "domain": "vpc",
            "associationId": association,
            "networkInterfaceId": it.interface,
            "publicIpv4Pool": "amazon",
            "tagSet": tags(&it.tags),
        })
    };
    Ok(json!({"addressesSet": items(cx.place().addresses().iter().map(address))}))
}

fn describe_images(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    list(cx, "imagesSet", place.images(), |it: &Image| {
        json!({
            "imageId": it.id,
            "name": it.name,
            "imageState": "available",
            "imageOwnerId": place.account,
            "isPublic": false,
            "creationDate": time(it.created),
            "lastLaunchedTime": it.launched.map(time),
            "rootDeviceType": "ebs",
            "blockDeviceMapping": items([json!({
                "deviceName": "/dev/xvda",
                "ebs": {"snapshotId": it.snapshot, "volumeSize": it.size_gib, "volumeType": "gp3"},
            })]),
            "tagSet": tags(&it.tags),
        })
    })
}

fn describe_image_attribute(cx: &Context<'_>) -> Result<Value, Refusal> {
    let id = cx.call.text("ImageId").unwrap_or_default();
    let image = cx.place().images().into_iter().find(|it| it.id == id);
    let image = image.ok_or_else(|| cx.call.invalid(format!("The image id '[{id}]' does not exist")))?;
    let shared = image.shared_with.iter().map(|it| json!({"userId": it}));
    Ok(json!({"imageId": id, "launchPermission": items(shared)}))
}

fn describe_instances(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let by_hand = place.templates_of(Launcher::Hand);
    let first = place.instances().into_iter().next().map(|it| it.id);
    list(cx, "reservationSet", place.instances(), |it: &Instance| {
        let mut with = it.tags.clone();
        if first.as_ref() == Some(&it.id) {
            with.extend(by_hand.iter().map(|it| ("aws:ec2launchtemplate:id", it.id.clone())));
        }
        let (code, name) = if it.running { (16, "running") } else { (80, "stopped") };
        let instance = json!({
            "instanceId": it.id,
            "imageId": it.image,
            "instanceType": "m5.large",
            "instanceState": {"code": code, "name": name},
            "reason": it.stopped.map(stop),
            "launchTime": time(it.launched),
            "tagSet": tags(&with),
        });
        let reservation = it.id.replace("i-", "r-");
        json!({"reservationId": reservation, "ownerId": place.account, "instancesSet": items([instance])})
    })
}

/// The reason of a stop, as AWS words it.
fn stop(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("User initiated (%Y-%m-%d %H:%M:%S GMT)").to_string()
}

fn describe_volumes(cx: &Context<'_>) -> Result<Value, Refusal> {
    list(cx, "volumeSet", cx.place().volumes(), |it: &Volume| {
        let attached = it.instance.iter().map(|it| json!({"instanceId": it, "status": "attached"}));
        json!({
            "volumeId": it.id,
            "size": it.size_gib,
            "volumeType": it.volume_type,
            "iops": it.iops,
            "throughput": (it.volume_type == "gp3").then_some(125),
            "status": if it.instance.is_some() { "in-use" } else { "available" },
            "createTime": time(it.created),
            "attachmentSet": items(attached),
            "tagSet": tags(&it.tags),
        })
    })
}

fn describe_snapshots(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let own = place.snapshots().into_iter().map(|it| (place.account.clone(), it));
    let lender = place.lender().map(|it| it.account).unwrap_or_default();
    let lent = place.lent_snapshots().into_iter().map(|it| (lender.clone(), it));
    list(cx, "snapshotSet", own.chain(lent).collect(), |(owner, it): &(String, Snapshot)| {
        json!({
            "snapshotId": it.id,
            "volumeId": it.volume,
            "volumeSize": it.size_gib,
            "fullSnapshotSizeInBytes": (it.size_gib << 30) / 2,
            "status": "completed",
            "storageTier": "standard",
            "ownerId": owner,
            "description": it.description,
            "startTime": time(it.started),
            "tagSet": tags(&it.tags),
        })
    })
}

fn describe_launch_templates(cx: &Context<'_>) -> Result<Value, Refusal> {
    list(cx, "launchTemplates", cx.place().templates(), |it| {
        json!({
            "launchTemplateId": it.id,
            "launchTemplateName": it.name,
            "createTime": time(it.changed),
            "createdBy": format!("arn:aws:iam::{}:user/someone", cx.call.account),
            "defaultVersionNumber": 1,
            "latestVersionNumber": it.images.len(),
            "tagSet": tags(&it.tags),
        })
    })
}

fn describe_launch_template_versions(cx: &Context<'_>) -> Result<Value, Refusal> {
    let id = cx.call.text("LaunchTemplateId").unwrap_or_default();
    let template = cx.place().templates().into_iter().find(|it| it.id == id);
    let template = template.ok_or_else(|| cx.call.invalid(format!("The launch template '{id}' does not exist")))?;
    let volumes = template.snapshots.iter().map(|it| json!({"deviceName": "/dev/sdf", "ebs": {"snapshotId": it}}));
    let volumes = items(volumes);
    list(cx, "launchTemplateVersionSet", template.images, |image| {
        json!({
            "launchTemplateId": id,
            "createTime": time(template.changed),
            "launchTemplateData": {
                "imageId": image,
                "instanceType": "m5.large",
                "blockDeviceMappingSet": volumes,
            },
        })
    })
}

fn describe_spot_fleet_requests(cx: &Context<'_>) -> Result<Value, Refusal> {
    list(cx, "spotFleetRequestConfigSet", cx.place().templates_of(Launcher::SpotFleet), |it| {
        json!({
            "spotFleetRequestId": it.id.replace("lt-", "sfr-"),
            "spotFleetRequestState": "active",
            "spotFleetRequestConfig": {"launchTemplateConfigs": items([launch_from(it)])},
        })
    })
}

/// A template as fleets name it.
fn launch_from(it: &Template) -> Value {
    json!({"launchTemplateSpecification": {"launchTemplateId": it.id, "version": "$Latest"}})
}

fn describe_fleets(cx: &Context<'_>) -> Result<Value, Refusal> {
    list(cx, "fleetSet", cx.place().templates_of(Launcher::Fleet), |it| {
        json!({
            "fleetId": it.id.replace("lt-", "fleet-"),
            "fleetState": "active",
            "type": "maintain",
            "launchTemplateConfigs": items([launch_from(it)]),
        })
    })
}

fn describe_spot_instance_requests(cx: &Context<'_>) -> Result<Value, Refusal> {
    list(cx, "spotInstanceRequestSet", Vec::<Value>::new(), Value::clone)
}

fn describe_network_interfaces(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let vpc = place.vpc();
    let of_instance = |it: &Interface| {
        json!({
            "networkInterfaceId": it.id,
            "vpcId": vpc,
            "status": "in-use",
            "interfaceType": "interface",
            "attachment": {"instanceId": it.instance, "status": "attached"},
            "groupSet": items([json!({"groupId": it.group})]),
            "association": it.public_ip.as_ref().map(|it| json!({"publicIp": it})),
        })
    };
    let beside = |it: &InternetGateway| {
        let (id, is_managed) = it.interface.clone()?;
        Some(json!({
            "networkInterfaceId": id,
            "vpcId": it.vpc,
            "status": "in-use",
            "interfaceType": "interface",
            "requesterManaged": is_managed,
            "groupSet": items([]),
        }))
    };
    let of_instances: Vec<_> = place.interfaces().iter().map(of_instance).collect();
    let all = of_instances.into_iter().chain(place.internet_gateways().iter().filter_map(beside)).collect();
    list(cx, "networkInterfaceSet", all, Value::clone)
}

fn describe_security_groups(cx: &Context<'_>) -> Result<Value, Refusal> {
    let vpc = cx.place().vpc();
    list(cx, "securityGroupInfo", cx.place().groups(), |it: &Group| {
        json!({
            "groupId": it.id,
            "groupName": it.name,
            "groupDescription": it.name,
            "vpcId": vpc,
            "ipPermissions": items(it.rules.iter().map(|(port, cidr)| rule(*port, cidr))),
        })
    })
}

fn rule(port: Option<i64>, cidr: &str) -> Value {
    let (v4, v6) = if cidr.contains(':') {
        (items([]), items([json!({"cidrIpv6": cidr})]))
    } else {
        (items([json!({"cidrIp": cidr})]), items([]))
    };
    let protocol = if port.is_some() { "tcp" } else { "-1" };
    json!({"ipProtocol": protocol, "fromPort": port, "toPort": port, "ipRanges": v4, "ipv6Ranges": v6})
}

fn describe_nat_gateways(cx: &Context<'_>) -> Result<Value, Refusal> {
    let vpc = cx.place().vpc();
    list(cx, "natGatewaySet", cx.place().gateways(), |it: &Gateway| {
        json!({
            "natGatewayId": it.id,
            "vpcId": vpc,
            "state": "available",
            "connectivityType": "public",
            "natGatewayAddressSet": items([json!({"publicIp": it.ip})]),
            "createTime": time(it.created),
            "tagSet": tags(&it.tags),
        })
    })
}

fn describe_route_tables(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let leading = place.gateways().into_iter().filter(|it| it.routed);
    let routes =
        leading.map(|it| json!({"destinationCidrBlock": "0.0.0.0/0", "natGatewayId": it.id, "state": "active"}));
    let table = json!({
        "routeTableId": place.vpc().replace("vpc-", "rtb-"),
        "vpcId": place.vpc(),
        "routeSet": items(routes),
    });
    let outwards = place.internet_gateways().into_iter().filter(|it| it.routed);
    let outwards = outwards.map(|it| {
        let route = json!({"destinationCidrBlock": "0.0.0.0/0", "gatewayId": it.id, "state": "active"});
        json!({"routeTableId": it.id.replace("igw-", "rtb-"), "vpcId": it.vpc, "routeSet": items([route])})
    });
    list(cx, "routeTableSet", std::iter::once(table).chain(outwards).collect(), Value::clone)
}

fn describe_internet_gateways(cx: &Context<'_>) -> Result<Value, Refusal> {
    list(cx, "internetGatewaySet", cx.place().internet_gateways(), |it: &InternetGateway| {
        let attached = it.vpc.iter().map(|it| json!({"vpcId": it, "state": "available"}));
        json!({"internetGatewayId": it.id, "ownerId": cx.call.account, "attachmentSet": items(attached)})
    })
}

fn describe_vpcs(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let default = place.vpc();
    let vpcs = place.internet_gateways().into_iter().filter_map(|it| it.vpc).collect();
    list(cx, "vpcSet", vpcs, |it: &String| json!({"vpcId": it, "state": "available", "isDefault": *it == default}))
}

fn describe_vpc_endpoints(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let names = |prefix: &'static str, count: usize| items((0..count).map(move |it| json!(format!("{prefix}-{it}"))));
    list(cx, "vpcEndpointSet", place.endpoints(), |it: &Endpoint| {
        let tables = usize::from(it.fate == Fate::Used);
        let mark = it.is_marked.then(|| json!({"key": "GuardDutyManaged", "value": "true"}));
        json!({
            "vpcEndpointId": it.id,
            "vpcEndpointType": it.kind,
            "vpcId": place.vpc(),
            "serviceName": it.service,
            "serviceRegion": place.region,
            "state": "available",
            "requesterManaged": it.fate == Fate::Kept && !it.is_marked,
            "subnetIdSet": names("subnet", it.zones),
            "routeTableIdSet": if it.kind == "Gateway" { names("rtb", tables) } else { Value::Null },
            "creationTimestamp": time(it.created),
            "tagSet": items(mark),
        })
    })
}
