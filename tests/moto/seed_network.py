"""The part of the world that joins VPCs to services and to the internet.

Most of it bears no tags, so that the tagging service does not list it; moto lists load balancers all the same.
"""

from seed import PUBLIC_AMI, TAGS, UNUSED_GROUPS, ZIP, ago, midnight, tag_list

UNUSED_ENDPOINTS = "find_unused_vpc_endpoints"
UNUSED_TARGET_GROUPS = "find_unused_target_groups"
UNUSED_BALANCERS = "find_unused_load_balancers"
UNUSED_INTERNET_GATEWAYS = "find_unused_internet_gateways"


def backend(place):
    """moto's own EC2 of an account and region, for what only AWS can set."""
    from moto.ec2.models import ec2_backends

    account, region = place
    return ec2_backends[account][region]


def endpoint(seed, place, service, kind="Interface", days=200, **more):
    """A VPC endpoint in the default VPC; an interface endpoint in one zone."""
    if kind == "Interface":
        more.setdefault("SubnetIds", [seed.subnet(place)])
    with ago(days):
        made = seed.ec2(place).create_vpc_endpoint(
            VpcId=seed.vpc(place),
            ServiceName=f"com.amazonaws.{place[1]}.{service}",
            VpcEndpointType=kind,
            **more,
        )
    return made["VpcEndpoint"]


def passed(seed, place, made, days, zone_only=False):
    """Traffic through an endpoint on one day, as AWS sends it: of all of it, and of each subnet."""
    of_all = {
        "VPC Endpoint Id": made["VpcEndpointId"],
        "VPC Id": made["VpcId"],
        "Endpoint Type": made["VpcEndpointType"],
        "Service Name": made["ServiceName"],
    }
    sets = [{**of_all, "Subnet Id": made["SubnetIds"][0]}] + ([] if zone_only else [of_all])
    for dimensions in sets:
        for name in ("BytesProcessed", "ActiveConnections", "NewConnections"):
            seed.state.metrics.put(
                *place, "AWS/PrivateLinkEndpoints", name, dimensions, [(midnight(days) + 3600, 9)]
            )


def endpoints(seed, busy):
    def judged(place, wasteful, why, service="sqs", traffic=None, **more):
        made = endpoint(seed, place, service, **more)
        seed.judge(wasteful, UNUSED_ENDPOINTS, place, made["VpcEndpointId"], why)
        if traffic is not None:
            passed(seed, place, made, traffic)
        return made

    judged(busy, False, "traffic yesterday", traffic=1)
    judged(busy, False, "traffic 29 days ago", service="sts", traffic=29)
    judged(busy, True, "traffic ended 40 days ago", service="logs", traffic=40)
    judged(busy, True, "old, never any traffic", service="ssm")
    judged(busy, False, "20 days old, no traffic", service="ecr.api", days=20)
    managed = judged(busy, False, "made by a service, no traffic", service="ecr.dkr")
    backend(busy).vpc_end_points[managed["VpcEndpointId"]].requester_managed = True
    marked = judged(busy, False, "marked by GuardDuty, no traffic", service="guardduty-data")
    seed.ec2(busy).create_tags(
        Resources=[marked["VpcEndpointId"]], Tags=tag_list({**TAGS, "GuardDutyManaged": "true"})
    )
    table = seed.ec2(busy).describe_route_tables()["RouteTables"][0]["RouteTableId"]
    judged(busy, False, "a gateway with a route table", service="s3", kind="Gateway", RouteTableIds=[table])
    judged(busy, True, "a gateway without a route table", service="dynamodb", kind="Gateway")
    judged(seed.place("ml", "us-east-1"), True, "old, never any traffic", service="sagemaker.api")
    judged(seed.place("data-dev", "ap-southeast-2"), False, "traffic 3 days ago", traffic=3)
    judged(busy, True, "old, never any traffic, last of the list", service="kms")


def internet_gateways(seed, busy):
    def vpc(place, gateway=None):
        ec2 = seed.ec2(place)
        made = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        if gateway:
            ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=made)
        return made

    def judged(place, wasteful, why, attached=True, routed=False, interface=False, managed=False):
        ec2 = seed.ec2(place)
        with ago(200):
            made = ec2.create_internet_gateway()
            gateway = made["InternetGateway"]["InternetGatewayId"]
            inside = vpc(place, gateway) if attached else None
            if routed:
                table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [inside]}])
                table = table["RouteTables"][0]["RouteTableId"]
                ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
            if interface:
                subnet = ec2.create_subnet(VpcId=inside, CidrBlock="10.9.1.0/24")
                eni = ec2.create_network_interface(SubnetId=subnet["Subnet"]["SubnetId"])["NetworkInterface"]
                backend(place).enis[eni["NetworkInterfaceId"]].requester_managed = managed
        seed.judge(wasteful, UNUSED_INTERNET_GATEWAYS, place, gateway, why)

    judged(busy, True, "attached to nothing", attached=False)
    judged(busy, False, "routed to, and something is in the VPC", routed=True, interface=True)
    judged(busy, True, "routed to, but the VPC is empty", routed=True)
    judged(busy, True, "no route, though something is in the VPC", interface=True)
    judged(busy, False, "no route, but a service is in the VPC", interface=True, managed=True)
    judged(seed.place("web-dev", "us-east-1"), True, "attached to nothing", attached=False)
    judged(seed.place("platform", "eu-west-1"), True, "no route, and the VPC is empty")
    place = seed.place("data-dev", "ap-southeast-2")
    default = seed.ec2(place).describe_internet_gateways()["InternetGateways"]
    for it in default:
        seed.fine(UNUSED_INTERNET_GATEWAYS, place, it["InternetGatewayId"], "of the default VPC")
    judged(busy, True, "attached to nothing, last of the list", attached=False)


def balancer(seed, place, name, kind="application", days=200, scheme="internal"):
    """A load balancer of the newer API; returns its name and what CloudWatch calls it."""
    subnets = [it["SubnetId"] for it in seed.ec2(place).describe_subnets()["Subnets"]][:2]
    with ago(days):
        made = seed.aws("elbv2", *place).create_load_balancer(
            Name=name, Type=kind, Scheme=scheme, Subnets=subnets, Tags=tag_list(TAGS)
        )
    return made["LoadBalancers"][0]["LoadBalancerArn"]


def classic(seed, place, name, days=200):
    """A Classic Load Balancer in the default group, without which moto would make one."""
    default = seed.ec2(place).describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]["GroupId"]
    with ago(days):
        seed.aws("elb", *place).create_load_balancer(
            LoadBalancerName=name,
            Listeners=[{"Protocol": "TCP", "LoadBalancerPort": 80, "InstanceProtocol": "TCP", "InstancePort": 80}],
            AvailabilityZones=[seed.zone(place)],
            SecurityGroups=[default],
        )


NAMESPACES = {"application": "AWS/ApplicationELB", "network": "AWS/NetworkELB", "gateway": "AWS/GatewayELB"}


def balancers(seed, busy):
    put = seed.state.metrics.put

    def judged(place, name, wasteful, why, kind="application", counted=None, days=200, **more):
        """`counted` maps a metric to the day of its one datapoint and the value of that."""
        seed.judge(wasteful, UNUSED_BALANCERS, place, name, why)
        if kind == "classic":
            classic(seed, place, name, days)
            namespace, dimensions = "AWS/ELB", {"LoadBalancerName": name}
        else:
            made = balancer(seed, place, name, kind, days, **more)
            namespace, dimensions = NAMESPACES[kind], {"LoadBalancer": made.split(":loadbalancer/")[1]}
        for metric, (day, value) in (counted or {}).items():
            put(*place, namespace, metric, dimensions, [(midnight(day) + 3600, value)])

    judged(busy, "shop", False, "requests yesterday", counted={"RequestCount": (1, 50)})
    judged(busy, "redirects", False, "redirects alone", counted={"HTTP_Redirect_Count": (20, 3)})
    judged(busy, "teapot", False, "fixed responses alone", counted={"HTTP_Fixed_Response_Count": (29, 1)})
    judged(busy, "old-shop", True, "requests ended 40 days ago", counted={"RequestCount": (40, 50)})
    judged(busy, "never", True, "no request ever", scheme="internet-facing")
    judged(busy, "young", False, "20 days old, no request", days=20)
    judged(busy, "udp", False, "flows of UDP", kind="network", counted={"NewFlowCount": (3, 9)})
    zeros = {"NewFlowCount": (3, 0), "ActiveFlowCount": (3, 0), "ProcessedBytes": (3, 0)}
    judged(busy, "quiet", True, "flows and bytes are zero", kind="network", counted=zeros)
    judged(busy, "firewall", False, "bytes pass", kind="gateway", counted={"ProcessedBytes": (3, 900)})
    judged(busy, "no-firewall", True, "nothing passes", kind="gateway")
    judged(busy, "old-style", False, "connections", kind="classic", counted={"RequestCount": (2, 4)})
    judged(busy, "older-style", True, "no connection", kind="classic")
    judged(seed.place("web-dev", "us-east-1"), "left-over", True, "no connection", kind="classic")
    judged(seed.place("data-prod", "us-east-1"), "lake", True, "no request ever")
    judged(seed.place("ml", "ap-southeast-2"), "infer", False, "requests", counted={"RequestCount": (9, 1)})
    judged(busy, "z-last", True, "no request ever, last of the list")


def target_groups(seed, busy):
    listeners = {}  # load balancer -> how many it has

    def group(place, name, port=80, attached=None, target=None):
        client = seed.aws("elbv2", *place)
        made = client.create_target_group(
            Name=name, Protocol="HTTP", Port=port, VpcId=seed.vpc(place), TargetType="ip", Tags=tag_list(TAGS)
        )["TargetGroups"][0]["TargetGroupArn"]
        if target:
            client.register_targets(TargetGroupArn=made, Targets=[{"Id": target}])
        if attached:
            listeners[attached] = listeners.get(attached, 8000) + 1
            client.create_listener(
                LoadBalancerArn=attached,
                Protocol="HTTP",
                Port=listeners[attached],
                DefaultActions=[{"Type": "forward", "TargetGroupArn": made}],
                )
        return made

    def judged(place, name, wasteful, why, seen=None, attached=None, **more):
        """`seen` is the day on which CloudWatch knew of a target."""
        made = group(place, name, attached=attached, **more)
        seed.judge(wasteful, UNUSED_TARGET_GROUPS, place, name, why)
        if seen is not None:
            dimensions = {
                "TargetGroup": made.split(":")[-1],
                "LoadBalancer": attached.split(":loadbalancer/")[1],
            }
            put = seed.state.metrics.put
            put(*place, "AWS/ApplicationELB", "UnHealthyHostCount", dimensions, [(midnight(seen), 1)])
        return made

    with ago(200):
        shop = seed.aws("elbv2", *busy).describe_load_balancers(Names=["shop"])["LoadBalancers"][0][
            "LoadBalancerArn"
        ]
        judged(busy, "lonely", True, "no load balancer, no target")
        judged(busy, "prepared", False, "no load balancer, but a target", target="10.0.0.7")
        judged(busy, "cart", False, "a target now", attached=shop, target="10.0.0.8")
        judged(busy, "nightly", False, "no target now, one 10 days ago", attached=shop, seen=10)
        judged(busy, "gone", True, "no target now, the last one 40 days ago", attached=shop, seen=40)
        judged(busy, "mail-blue", False, "in use", attached=shop, target="10.0.0.9")
        judged(busy, "mail-green", False, "the idle half of a pair")
        scaled = judged(busy, "workers", False, "no target, but of an Auto Scaling group")
        template = seed.template(
            busy, "scaled", {"ImageId": PUBLIC_AMI, "InstanceType": "t3.micro"}, kept="an ASG names it"
        )
        seed.aws("autoscaling", *busy).create_auto_scaling_group(
            AutoScalingGroupName="scaled",
            MinSize=0,
            MaxSize=2,
            DesiredCapacity=0,
            VPCZoneIdentifier=seed.subnet(busy),
            LaunchTemplate={"LaunchTemplateId": template, "Version": "$Default"},
            TargetGroupARNs=[scaled],
        )
        judged(seed.place("data-dev", "eu-west-1"), "lonely", True, "no load balancer, no target")
        judged(busy, "z-last", True, "no load balancer, no target, last of the list")


def security_groups(seed, busy):
    """Groups that something uses; those of the seed's other part are all left over."""

    def judged(place, name, wasteful, why, *permissions):
        made = seed.group(place, name, *permissions)
        seed.judge(wasteful, UNUSED_GROUPS, place, made, why)
        return made

    def from_group(group):
        return {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": group}]}

    ec2 = seed.ec2(busy)
    clients = judged(busy, "clients", False, "a group in use names it")
    used = judged(busy, "database", False, "an interface is in it", from_group(clients))
    ec2.create_network_interface(SubnetId=seed.subnet(busy), Groups=[used])
    launched = judged(busy, "launched", False, "a launch template names it")
    seed.template(busy, "grouped", {"ImageId": PUBLIC_AMI, "SecurityGroupIds": [launched]}, kept="made today")
    configured = judged(busy, "configured", False, "a launch configuration names it")
    seed.aws("autoscaling", *busy).create_launch_configuration(
        LaunchConfigurationName="grouped",
        ImageId=PUBLIC_AMI,
        InstanceType="t3.micro",
        SecurityGroups=[configured],
    )
    of_function = judged(busy, "of-function", False, "a function that has no interface now names it")
    seed.aws("lambda", *busy).create_function(
        FunctionName="in-vpc",
        Runtime="python3.12",
        Role=f"arn:aws:iam::{busy[0]}:role/fn",
        Handler="main.handler",
        Code={"ZipFile": ZIP},
        VpcConfig={"SubnetIds": [seed.subnet(busy)], "SecurityGroupIds": [of_function]},
        Tags=TAGS,
    )
    left = judged(busy, "left-clients", True, "only a group that nothing is in names it")
    judged(busy, "left-database", True, "nothing is in it", from_group(left))
    default = ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]["GroupId"]
    seed.fine(UNUSED_GROUPS, busy, default, "the default group")
    judged(busy, "z-last", True, "nothing is in it, last of the list")


def build(seed, busy):
    endpoints(seed, busy)
    internet_gateways(seed, busy)
    balancers(seed, busy)
    target_groups(seed, busy)
    security_groups(seed, busy)
