"""The world of the tests: a fixed organization, wasteful resources and look-alikes.

`build` fills moto and returns the front's `State` and the description of the world.
Everything wasteful is in `planted`, everything that only looks so in `healthy`.
Most things were made 200 days ago, by a clock that travels while the seed runs.
"""

import datetime
import io
import zipfile
from decimal import Decimal

from aws import Aws, clock
from state import Account, State

MANAGEMENT = "100000000001"
REGIONS = ["ap-southeast-2", "eu-west-1", "us-east-1"]
SEED = 42
TAGS = {"Environment": "test", "Owner": "team-a", "CostCenter": "4711"}
PUBLIC_AMI = "ami-0c0ffee0c0ffee000"  # not one's own: Amazon's
STARTED = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)

TREE = [  # account, OU path
    ("web-prod", "Workloads/Prod"),
    ("web-dev", "Workloads"),
    ("data-prod", "Workloads/Prod"),
    ("data-dev", "Workloads"),
    ("platform", "Workloads"),
    ("ml", "Workloads"),
    ("sandbox-anna", "Sandbox"),
    ("sandbox-ben", "Sandbox"),
    ("retired", "Suspended"),
]

UNUSED_VOLUMES = "find_unused_volumes"
UNUSED_INSTANCES = "find_unused_ec2_instances"
VOLUMES_OF_STOPPED = "find_volumes_of_stopped_instances"
UNUSED_ADDRESSES = "find_unused_elastic_ips"
UNUSED_SNAPSHOTS = "find_unused_snapshots"
UNUSED_AMIS = "find_unused_amis"
UNUSED_GROUPS = "find_unused_security_groups"
OPEN_GROUPS = "find_overly_permissive_security_groups"
UNUSED_NATS = "find_unused_nat_gateways"
UNUSED_FUNCTIONS = "find_unused_lambda_functions"
UNUSED_BUCKETS = "find_unused_s3_buckets"
INCOMPLETE_UPLOADS = "find_incomplete_multipart_uploads"
UNUSED_DISTRIBUTIONS = "find_unused_cloudfront_distributions"
UNUSED_IMAGES = "find_unused_ecr_images"
UNUSED_CLUSTERS = "find_unused_ecs_clusters_and_services"
OLD_TASK_DEFINITIONS = "find_old_ecs_task_definitions"
UNUSED_TEMPLATES = "find_unused_launch_templates"
UNTAGGED = "find_untagged_resources"
EC2_RECOMMENDATIONS = "get_cost_optimization_ec2"

NAT_METRICS = [
    "ActiveConnectionCount",
    "PacketsInFromSource",
    "PacketsInFromDestination",
    "BytesOutToDestination",
    "BytesInFromSource",
]


def ago(days):
    """Travels `days` back for the length of a `with` block."""
    return clock(STARTED - datetime.timedelta(days=days))


def midnight(days):
    """The midnight (UTC) `days` days ago, in epoch seconds."""
    day = STARTED.replace(hour=0, minute=0, second=0) - datetime.timedelta(days=days)
    return day.timestamp()


def tag_list(tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tagged(*kinds, tags=None):
    """The TagSpecifications argument of EC2's creating operations."""
    tags = TAGS if tags is None else tags
    return [{"ResourceType": kind, "Tags": tag_list(tags)} for kind in kinds] if tags else []


def zip_file():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("main.py"), "def handler(event, context): pass\n")
    return buffer.getvalue()


ZIP = zip_file()


class Seed:
    """Makes resources and writes down what each is for."""

    def __init__(self, moto):
        self.aws = Aws(moto)
        self.state = State(management=MANAGEMENT, regions=list(REGIONS))
        self.planted = []
        self.healthy = []
        self.ids = {}  # account name -> id
        self.roles = set()

    def plant(self, tool, place, resource_id, why):
        self._write(self.planted, tool, place, resource_id, why)

    def fine(self, tool, place, resource_id, why):
        self._write(self.healthy, tool, place, resource_id, why)

    def _write(self, rows, tool, place, resource_id, why):
        account, region = place
        rows.append(
            {"tool": tool, "account_id": account, "region": region, "resource_id": resource_id, "why": why}
        )

    def judge(self, wasteful, tool, place, resource_id, why):
        (self.plant if wasteful else self.fine)(tool, place, resource_id, why)

    # --- organization -------------------------------------------------------

    def organization(self):
        client = self.aws("organizations", MANAGEMENT)
        org = client.create_organization(FeatureSet="ALL")["Organization"]
        root = client.list_roots()["Roots"][0]["Id"]
        state = self.state
        state.organization = org["Id"]
        ous = {"": (root, f"{org['Id']}/{root}/")}
        for path in ["Workloads", "Workloads/Prod", "Sandbox", "Suspended"]:
            above, _, name = path.rpartition("/")
            parent, parent_path = ous[above]
            ou = client.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"]
            ous[path] = (ou, f"{parent_path}{ou}/")
            state.ou_paths[ou] = ous[path][1]
        self.ids["payer"] = MANAGEMENT
        state.accounts[MANAGEMENT] = Account(MANAGEMENT, "payer", "ACTIVE", "", f"{ous[''][1]}{MANAGEMENT}/")
        for name, path in TREE:
            made = client.create_account(AccountName=name, Email=f"{name}@example.com")
            account = made["CreateAccountStatus"]["AccountId"]
            client.move_account(AccountId=account, SourceParentId=root, DestinationParentId=ous[path][0])
            status = "ACTIVE"
            if name == "retired":
                client.close_account(AccountId=account)
                status = "SUSPENDED"
            self.ids[name] = account
            state.accounts[account] = Account(account, name, status, path, f"{ous[path][1]}{account}/")

    def touch(self):
        """Makes every account-region's default VPC now, so that its random ids are the same in each run."""
        for account in self.state.accounts.values():
            for region in REGIONS:
                self.aws("ec2", account.id, region).describe_vpcs()

    def place(self, name, region):
        return self.ids[name], region

    def ec2(self, place):
        return self.aws("ec2", *place)

    def zone(self, place):
        return place[1] + "a"

    def subnet(self, place):
        return self.ec2(place).describe_subnets()["Subnets"][0]["SubnetId"]

    def vpc(self, place):
        return self.ec2(place).describe_vpcs()["Vpcs"][0]["VpcId"]

    # --- EC2 ----------------------------------------------------------------

    def instance(self, place, image=PUBLIC_AMI, tags=None, stopped=False, judged=True):
        """An instance with its root volume; returns (instance id, volume id).

        A stopped one is to be found when `judged`, and not when not; with None that is said elsewhere.
        """
        ec2 = self.ec2(place)
        specifications = tagged("instance", tags=tags) + tagged("volume")
        made = ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro", TagSpecifications=specifications
        )["Instances"][0]
        instance, root = made["InstanceId"], made["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
        if stopped:
            ec2.stop_instances(InstanceIds=[instance])
            if judged is not None:
                self.judge(judged, UNUSED_INSTANCES, place, instance, "stopped")
                self.judge(judged, VOLUMES_OF_STOPPED, place, root, "its instance is stopped")
        else:
            self.fine(VOLUMES_OF_STOPPED, place, root, "its instance is not stopped")
        return instance, root

    def activity(self, place, instance, cpu, traffic):
        """What CloudWatch has of an instance: one value a day for 30 days."""
        for name, value in (("CPUUtilization", cpu), ("NetworkIn", traffic), ("NetworkOut", traffic)):
            points = [(midnight(day) + 3600, value) for day in range(1, 31)]
            self.state.metrics.put(*place, "AWS/EC2", name, {"InstanceId": instance}, points)

    def volume(self, place, kind="gp3", size=100, tags=None, **more):
        return self.ec2(place).create_volume(
            AvailabilityZone=self.zone(place),
            Size=size,
            VolumeType=kind,
            TagSpecifications=tagged("volume", tags=tags),
            **more,
        )["VolumeId"]

    def unused_volume(self, place, why, **more):
        self.plant(UNUSED_VOLUMES, place, self.volume(place, **more), why)

    def attached_volume(self, place, instance, device, why="attached", **more):
        volume = self.volume(place, **more)
        self.ec2(place).attach_volume(VolumeId=volume, InstanceId=instance, Device=device)
        self.fine(UNUSED_VOLUMES, place, volume, why)
        return volume

    def address(self, place, tags=None):
        return self.ec2(place).allocate_address(
            Domain="vpc", TagSpecifications=tagged("elastic-ip", tags=tags)
        )["AllocationId"]

    def unused_address(self, place, why="not associated"):
        address = self.address(place)
        self.plant(UNUSED_ADDRESSES, place, address, why)
        return address

    def snapshot(self, place, volume, tags=None):
        return self.ec2(place).create_snapshot(
            VolumeId=volume, TagSpecifications=tagged("snapshot", tags=tags)
        )["SnapshotId"]

    def image(self, place, name):
        """An image of one's own; its snapshot gets the tags too and is never wasteful itself."""
        ec2 = self.ec2(place)
        image = ec2.register_image(Name=name)["ImageId"]
        backing = ec2.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"][0]["Ebs"][
            "SnapshotId"
        ]
        ec2.create_tags(Resources=[image, backing], Tags=tag_list(TAGS))
        self.fine(UNUSED_SNAPSHOTS, place, backing, f"backs the image {image}")
        return image

    def template(self, place, name, *versions, kept="", tags=None):
        """A launch template; the first version is the default, the last the latest. `kept` says why it is not wasteful."""
        ec2 = self.ec2(place)
        template = ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData=versions[0],
            TagSpecifications=tagged("launch-template", tags=tags),
        )
        template = template["LaunchTemplate"]["LaunchTemplateId"]
        self.judge(not kept, UNUSED_TEMPLATES, place, template, kept or "nothing launches from it")
        for version in versions[1:]:
            ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=version)
        return template

    def group(self, place, name, *permissions, tool_row=None):
        ec2 = self.ec2(place)
        group = ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc(place))["GroupId"]
        if permissions:
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=list(permissions))
        if tool_row:
            self.judge(tool_row[0], OPEN_GROUPS, place, group, tool_row[1])
            self.plant(UNUSED_GROUPS, place, group, "nothing is in it")
        return group

    def nat(self, place, days):
        """A NAT gateway with its (associated) Elastic IP."""
        with ago(days):
            address = self.address(place)
            made = self.ec2(place).create_nat_gateway(
                SubnetId=self.subnet(place), AllocationId=address, TagSpecifications=tagged("natgateway")
            )
        self.fine(UNUSED_ADDRESSES, place, address, "associated with a NAT gateway")
        return made["NatGateway"]["NatGatewayId"]

    def private_nat(self, place):
        """A private NAT gateway: no Elastic IP."""
        with ago(200):
            made = self.ec2(place).create_nat_gateway(
                SubnetId=self.subnet(place),
                ConnectivityType="private",
                TagSpecifications=tagged("natgateway"),
            )
        return made["NatGateway"]["NatGatewayId"]

    def nat_metrics(self, place, nat, traffic):
        """Daily points for 40 days; `traffic` maps days ago to bytes and counts."""
        for name in NAT_METRICS:
            points = [(midnight(day), traffic.get(day, 0)) for day in range(40, -1, -1)]
            self.state.metrics.put(*place, "AWS/NATGateway", name, {"NatGatewayId": nat}, points)

    def route(self, place, nat):
        ec2 = self.ec2(place)
        table = ec2.create_route_table(VpcId=self.vpc(place))["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)

    # --- Lambda, S3, CloudFront ---------------------------------------------

    def function(self, place, name, days, tags=None):
        """A Lambda function last changed `days` days ago."""
        account = place[0]
        if account not in self.roles:
            self.aws("iam", account).create_role(RoleName="fn", AssumeRolePolicyDocument="{}")
            self.roles.add(account)
        with ago(days):
            self.aws("lambda", *place).create_function(
                FunctionName=name,
                Runtime="python3.12",
                Role=f"arn:aws:iam::{account}:role/fn",
                Handler="main.handler",
                Code={"ZipFile": ZIP},
                MemorySize=256,
                Tags=TAGS if tags is None else tags,
            )
        return name

    def invocations(self, place, name, days, count=5):
        """Invocations on one day, with the sums that Lambda reports beside it."""
        for dimensions in ({"FunctionName": name}, {"FunctionName": name, "Resource": name}, {}):
            self.state.metrics.put(
                *place, "AWS/Lambda", "Invocations", dimensions, [(midnight(days) + 43200, count)]
            )

    def bucket(self, place, name, days, objects=0):
        account, region = place
        s3 = self.aws("s3", account, region)
        with ago(days):
            where = (
                {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            )
            s3.create_bucket(Bucket=name, **where)
            for number in range(objects):
                s3.put_object(Bucket=name, Key=f"object-{number}", Body=b"x" * 1000)
        self.state.bucket_regions[name] = region
        self.bucket_metrics(place, name, days, objects)
        return name

    def bucket_metrics(self, place, name, days, objects):
        """S3's daily storage metrics, of the last 14 days, two days late at most."""
        put = self.state.metrics.put
        recent = [midnight(day) for day in range(15, 0, -1) if day < days]
        kinds = {"BucketName": name, "StorageType": "AllStorageTypes"}
        put(*place, "AWS/S3", "NumberOfObjects", kinds, [(t, objects) for t in recent])
        kinds = {"BucketName": name, "StorageType": "StandardStorage"}
        put(*place, "AWS/S3", "BucketSizeBytes", kinds, [(t, objects * 1000) for t in recent])

    def bucket_requests(self, place, name, requests):
        """Request metrics of the whole bucket: daily sums for 100 days."""
        self.state.metrics_configurations[name] = ["EntireBucket"]
        dimensions = {"BucketName": name, "FilterId": "EntireBucket"}
        points = [(midnight(day), requests.get(day, 0)) for day in range(100, -1, -1)]
        self.state.metrics.put(*place, "AWS/S3", "AllRequests", dimensions, points)

    def distribution(self, account_name, comment, days, enabled=True, dedicated_ip=False, requests_on=None):
        """A CloudFront distribution; moto gives all of them one date, so the date is set behind its back."""
        from moto.cloudfront.models import cloudfront_backends

        account = self.ids[account_name]
        certificate = {"CloudFrontDefaultCertificate": True, "MinimumProtocolVersion": "TLSv1"}
        if dedicated_ip:
            certificate = {
                "CloudFrontDefaultCertificate": False,
                "IAMCertificateId": "ASCAFRONT",
                "SSLSupportMethod": "vip",
                "MinimumProtocolVersion": "TLSv1.2_2021",
            }
        made = self.aws("cloudfront", account).create_distribution(
            DistributionConfig={
                "CallerReference": comment,
                "Comment": comment,
                "Enabled": enabled,
                "PriceClass": "PriceClass_100",
                "ViewerCertificate": certificate,
                "Origins": {
                    "Quantity": 1,
                    "Items": [
                        {
                            "Id": "o",
                            "DomainName": "b.s3.amazonaws.com",
                            "S3OriginConfig": {"OriginAccessIdentity": ""},
                        }
                    ],
                },
                "DefaultCacheBehavior": {
                    "TargetOriginId": "o",
                    "ViewerProtocolPolicy": "allow-all",
                    "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
                    "MinTTL": 0,
                },
            }
        )["Distribution"]["Id"]
        changed = (STARTED - datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        held = cloudfront_backends[account]["aws"].distributions[made]
        held.last_modified_time = changed
        if requests_on is not None:
            dimensions = {"DistributionId": made, "Region": "Global"}
            points = [(midnight(requests_on), 1234)]
            self.state.metrics.put(account, "us-east-1", "AWS/CloudFront", "Requests", dimensions, points)
        return made


def open_to(protocol, low, high, *cidrs):
    """An inbound permission from address ranges, IPv4 and IPv6."""
    permission = {"IpProtocol": protocol}
    if low is not None:
        permission.update(FromPort=low, ToPort=high)
    four = [{"CidrIp": cidr} for cidr in cidrs if ":" not in cidr]
    six = [{"CidrIpv6": cidr} for cidr in cidrs if ":" in cidr]
    if four:
        permission["IpRanges"] = four
    if six:
        permission["Ipv6Ranges"] = six
    return permission


ANY4, ANY6 = "0.0.0.0/0", "::/0"


def arn(place, kind, name):
    """Resource ARNs as EC2 writes them; a snapshot's has no account."""
    account, region = place
    return f"arn:aws:ec2:{region}:{'' if kind == 'snapshot' else account}:{kind}/{name}"


def volumes(seed):
    """Attached and unattached volumes; the busy place has more than a small page of them."""
    busy = seed.place("web-prod", "eu-west-1")
    with ago(200):
        instance, root = seed.instance(busy)
        seed.fine(UNUSED_VOLUMES, busy, root, "an instance's root volume")
        for number, device in enumerate(["/dev/sdf", "/dev/sdg", "/dev/sdh"]):
            seed.attached_volume(busy, instance, device, size=50 + number)
        seed.unused_volume(busy, "available, gp3", kind="gp3", size=100)
        seed.unused_volume(busy, "available, io2 with 5000 IOPS", kind="io2", size=200, Iops=5000)
        seed.unused_volume(busy, "available, st1", kind="st1", size=500)
        seed.unused_volume(seed.place("web-dev", "us-east-1"), "available, gp2", kind="gp2", size=80)
        seed.unused_volume(seed.place("data-prod", "us-east-1"), "available, gp3", kind="gp3", size=1000)
        seed.unused_volume(seed.place("data-dev", "ap-southeast-2"), "available, st1", kind="st1", size=600)
        seed.unused_volume(seed.place("payer", "us-east-1"), "available, in the management account", size=20)
        seed.unused_volume(seed.place("sandbox-anna", "eu-west-1"), "available, gp2", kind="gp2", size=30)
        # A stopped instance keeps its volumes.
        place = seed.place("web-dev", "eu-west-1")
        stopped, root = seed.instance(place, stopped=True)
        seed.fine(UNUSED_VOLUMES, place, root, "root volume of a stopped instance")
    # Young and unattached is unused too: age does not matter for volumes.
    seed.unused_volume(seed.place("ml", "ap-southeast-2"), "available, made today", size=40)
    # Last in the busy place's list: beyond every small page.
    seed.unused_volume(busy, "available, last of the list", kind="gp2", size=10)
    return busy, instance


def addresses(seed, busy, instance):
    with ago(200):
        for _ in range(3):
            seed.unused_address(busy)
        used = seed.address(busy)
        seed.ec2(busy).associate_address(AllocationId=used, InstanceId=instance)
        seed.fine(UNUSED_ADDRESSES, busy, used, "associated with an instance")
        seed.unused_address(seed.place("data-prod", "us-east-1"))
        seed.unused_address(seed.place("sandbox-ben", "us-east-1"))
        seed.unused_address(seed.place("platform", "us-east-1"))
        place = seed.place("platform", "eu-west-1")
        eni = seed.ec2(place).create_network_interface(SubnetId=seed.subnet(place))["NetworkInterface"]
        used = seed.address(place)
        seed.ec2(place).associate_address(AllocationId=used, NetworkInterfaceId=eni["NetworkInterfaceId"])
        seed.fine(UNUSED_ADDRESSES, place, used, "associated with a network interface of no instance")
    seed.unused_address(busy, "not associated, made today")


def snapshots(seed, busy, instance):
    def old(place, volume, why, wasteful=True, tags=None):
        snapshot = seed.snapshot(place, volume, tags)
        seed.judge(wasteful, UNUSED_SNAPSHOTS, place, snapshot, why)
        return snapshot

    with ago(200):
        source = seed.attached_volume(busy, instance, "/dev/sdi", why="attached, snapshots come from it")
        old(busy, source, "old and nothing came from it; its source volume still lives")
        old(busy, source, "old and nothing came from it")
        parent = old(busy, source, "a volume was made from it", wasteful=False)
        seed.attached_volume(
            busy, instance, "/dev/sdj", why="attached, made from a snapshot", SnapshotId=parent
        )
        mapped = old(busy, source, "in a launch template's block device mapping", wasteful=False)
        mapping = [{"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": mapped}}]
        seed.template(busy, "with-data-disk", {"ImageId": PUBLIC_AMI, "BlockDeviceMappings": mapping})
        # The services' own tags cannot be set by users, hence the back door.
        for key in ("aws:dlm:lifecycle-policy-id", "aws:backup:source-resource"):
            managed = old(busy, source, f"tagged {key}", wasteful=False)
            set_service_tag(busy, managed, key)
        for place in (seed.place("data-prod", "us-east-1"), seed.place("ml", "us-east-1")):
            helper, root = seed.instance(place)
            seed.fine(UNUSED_VOLUMES, place, root, "an instance's root volume")
            for _ in range(2):
                old(place, root, "old and nothing came from it")
        # The image is gone, its snapshot stayed.
        place = seed.place("sandbox-anna", "us-east-1")
        ec2 = seed.ec2(place)
        image = ec2.register_image(Name="gone")["ImageId"]
        left = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"][-1]["SnapshotId"]
        ec2.create_tags(Resources=[left], Tags=tag_list(TAGS))
        ec2.deregister_image(ImageId=image)
        seed.plant(UNUSED_SNAPSHOTS, place, left, "its image was deregistered")
    with ago(60):
        old(busy, source, "60 days old", wasteful=False)
    with ago(100):
        old(busy, source, "100 days old, last of the list but one")
    old(busy, source, "made today", wasteful=False)


def set_service_tag(place, resource, key):
    from moto.ec2.models import ec2_backends

    account, region = place
    ec2_backends[account][region].tags[resource][key] = "front"


def images(seed, busy):
    def own(place, name, why, wasteful):
        image = seed.image(place, name)
        seed.judge(wasteful, UNUSED_AMIS, place, image, why)
        return image

    with ago(200):
        own(busy, "unused-1", "old, nothing uses it", True)
        running = own(busy, "running", "an instance runs it", False)
        stopped = own(busy, "stopped", "a stopped instance uses it", False)
        for image, stop in ((running, False), (stopped, True)):
            _, root = seed.instance(busy, image=image, stopped=stop)
            seed.fine(UNUSED_VOLUMES, busy, root, "an instance's root volume")
        middle = own(busy, "template-middle", "in a template version neither default nor latest", False)
        public = {"ImageId": PUBLIC_AMI, "InstanceType": "t3.micro"}
        seed.template(busy, "three-versions", public, {"ImageId": middle}, public)
        configured = own(busy, "launch-configuration", "in a launch configuration", False)
        autoscaling = seed.aws("autoscaling", *busy)
        autoscaling.create_launch_configuration(
            LaunchConfigurationName="old-style", ImageId=configured, InstanceType="t3.micro"
        )
        override = own(busy, "override", "in the template that an ASG's override names", False)
        main = seed.template(busy, "asg-main", public, kept="an ASG's mixed instances policy names it")
        other = {"ImageId": override, "InstanceType": "t3.micro"}
        other = seed.template(busy, "asg-override", other, kept="an ASG's override names it")
        autoscaling.create_auto_scaling_group(
            AutoScalingGroupName="mixed",
            MinSize=0,
            MaxSize=2,
            DesiredCapacity=0,
            VPCZoneIdentifier=seed.subnet(busy),
            MixedInstancesPolicy={
                "LaunchTemplate": {
                    "LaunchTemplateSpecification": {"LaunchTemplateId": main, "Version": "$Default"},
                    "Overrides": [
                        {
                            "InstanceType": "t3.large",
                            "LaunchTemplateSpecification": {"LaunchTemplateId": other, "Version": "1"},
                        }
                    ],
                }
            },
        )
        shared = own(busy, "shared", "shared with another account that launches from it", False)
        lent = own(busy, "shared-unused", "shared with another account that does not use it", True)
        for_all = own(busy, "public", "anybody may launch it", False)
        for image, permission in (
            (shared, {"UserId": seed.ids["data-prod"]}),
            (lent, {"UserId": seed.ids["data-prod"]}),
            (for_all, {"Group": "all"}),
        ):
            seed.ec2(busy).modify_image_attribute(ImageId=image, LaunchPermission={"Add": [permission]})
        seed.template(seed.place("data-prod", busy[1]), "of-another", {"ImageId": shared})
        own(seed.place("platform", "us-east-1"), "unused-2", "old, nothing uses it", True)
        own(seed.place("ml", "ap-southeast-2"), "unused-3", "old, nothing uses it", True)
        # More templates and groups than a small page, the one that matters last.
        place = seed.place("data-prod", "eu-west-1")
        for number in range(5):
            seed.template(place, f"filler-{number}", public)
            seed.aws("autoscaling", *place).create_launch_configuration(
                LaunchConfigurationName=f"filler-{number}", ImageId=PUBLIC_AMI, InstanceType="t3.micro"
            )
        late = own(place, "late-template", "in the last launch template of the list", False)
        seed.template(place, "z-last", {"ImageId": late})
        late = own(place, "late-configuration", "in the last launch configuration of the list", False)
        seed.aws("autoscaling", *place).create_launch_configuration(
            LaunchConfigurationName="z-last", ImageId=late, InstanceType="t3.micro"
        )
        own(busy, "unused-last", "old, nothing uses it, last of the list", True)
    with ago(60):
        own(busy, "young", "60 days old", False)


def instances(seed, busy):
    """Instances that are stopped, or run and do nothing, and those that only seem so."""
    with ago(200):
        idle, root = seed.instance(busy)
        busy_one, other = seed.instance(busy)
        silent, third = seed.instance(busy)
        standby, fourth = seed.instance(busy, tags={**TAGS, "purpose": "standby"}, stopped=True, judged=None)
    for volume in (root, other, third, fourth):
        seed.fine(UNUSED_VOLUMES, busy, volume, "an instance's root volume")
    seed.activity(busy, idle, 1.5, 1000.0)
    seed.plant(UNUSED_INSTANCES, busy, idle, "runs and does nothing")
    seed.activity(busy, busy_one, 40.0, 9e8)
    seed.fine(UNUSED_INSTANCES, busy, busy_one, "works")
    seed.fine(UNUSED_INSTANCES, busy, silent, "CloudWatch knows nothing of it")
    seed.fine(UNUSED_INSTANCES, busy, standby, "stopped, and its tags say that it stands by")
    seed.plant(VOLUMES_OF_STOPPED, busy, fourth, "its instance is stopped, standby or not")
    place = seed.place("ml", "us-east-1")
    with ago(5):
        _, root = seed.instance(place, stopped=True, judged=False)
        seed.fine(UNUSED_VOLUMES, place, root, "an instance's root volume")
        young, root = seed.instance(place)
        seed.fine(UNUSED_VOLUMES, place, root, "an instance's root volume")
    seed.activity(place, young, 1.0, 1.0)
    seed.fine(UNUSED_INSTANCES, place, young, "started five days ago")


def groups(seed, busy):
    def opened(place, name, wasteful, why, *permissions):
        return seed.group(place, name, *permissions, tool_row=(wasteful, why))

    opened(
        busy,
        "web",
        False,
        "80 and 443 to the world",
        open_to("tcp", 80, 80, ANY4),
        open_to("tcp", 443, 443, ANY4, ANY6),
    )
    opened(busy, "ssh-world", True, "22 from 0.0.0.0/0", open_to("tcp", 22, 22, ANY4))
    opened(busy, "private-2200", False, "2200 from 10.0.0.0/8", open_to("tcp", 2200, 2200, "10.0.0.0/8"))
    opened(
        busy,
        "private-22",
        False,
        "22 from private ranges",
        open_to("tcp", 22, 22, "10.1.0.0/16", "192.168.0.0/16"),
    )
    opened(busy, "rdp-world6", True, "3389 from ::/0", open_to("tcp", 3389, 3389, ANY6))
    bastion = opened(busy, "bastion", False, "no rule at all")
    peer = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": bastion}]}
    opened(busy, "from-group", False, "22 from another group", peer)
    opened(
        busy, "ping", False, "ICMP from the world: -1 is a type, not all ports", open_to("icmp", -1, -1, ANY4)
    )
    opened(busy, "all-ports", True, "0-65535 from 0.0.0.0/0", open_to("tcp", 0, 65535, ANY4))
    opened(
        seed.place("web-dev", "us-east-1"),
        "anything",
        True,
        "all protocols from 0.0.0.0/0",
        open_to("-1", None, None, ANY4),
    )
    opened(
        seed.place("data-prod", "us-east-1"),
        "range",
        True,
        "3000-6000 from 0.0.0.0/0 holds 3306 and 5432",
        open_to("tcp", 3000, 6000, ANY4),
    )
    opened(
        seed.place("data-dev", "ap-southeast-2"),
        "postgres",
        True,
        "5432 from 0.0.0.0/0",
        open_to("tcp", 5432, 5432, ANY4),
    )
    opened(
        seed.place("sandbox-ben", "us-east-1"),
        "redis-mixed",
        True,
        "6379 from a private range and from ::/0",
        open_to("tcp", 6379, 6379, "10.0.0.0/8", ANY6),
    )
    opened(seed.place("ml", "us-east-1"), "outbound", False, "everything outbound, nothing inbound")
    place = seed.place("platform", "eu-west-1")
    default = seed.ec2(place).describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]["GroupId"]
    itself = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": default}]}
    seed.ec2(place).authorize_security_group_ingress(GroupId=default, IpPermissions=[itself])
    seed.fine(OPEN_GROUPS, place, default, "the default group: all protocols from itself")
    opened(
        busy, "mongo-last", True, "27017 from 0.0.0.0/0, last of the list", open_to("tcp", 27017, 27017, ANY4)
    )


def nat_gateways(seed, busy):
    def judged(place, wasteful, why, days=200, traffic=None, routed=False):
        nat = seed.nat(place, days)
        seed.judge(wasteful, UNUSED_NATS, place, nat, why)
        if traffic is not None:
            seed.nat_metrics(place, nat, traffic)
        if routed:
            seed.route(place, nat)

    always = {day: 5_000_000 for day in range(41)}
    judged(busy, False, "traffic every day", traffic=always, routed=True)
    judged(busy, False, "traffic on one day, 12 days ago", traffic={12: 1}, routed=True)
    judged(busy, True, "no traffic, no route to it", traffic={})
    judged(busy, False, "no data is not zero", routed=True)
    judged(busy, False, "made today, no data yet", days=0)
    judged(busy, True, "traffic ended 35 days ago; a route leads to it", traffic={35: 1000}, routed=True)
    judged(
        seed.place("platform", "us-east-1"), True, "no traffic; a route leads to it", traffic={}, routed=True
    )
    judged(seed.place("data-dev", "ap-southeast-2"), False, "20 days old, no traffic", days=20, traffic={})
    judged(seed.place("data-dev", "ap-southeast-2"), True, "no traffic, no route to it", traffic={})
    # A deleted gateway is listed for an hour more.
    gone = seed.private_nat(busy)
    seed.nat_metrics(busy, gone, {})
    seed.ec2(busy).delete_nat_gateway(NatGatewayId=gone)
    seed.fine(UNUSED_NATS, busy, gone, "deleted, still listed")
    private = seed.private_nat(busy)
    seed.nat_metrics(busy, private, {})
    seed.plant(UNUSED_NATS, busy, private, "a private gateway without traffic, last of the list")


def functions(seed, busy):
    def judged(place, name, wasteful, why, days=200, invoked=None):
        seed.function(place, name, days)
        seed.judge(wasteful, UNUSED_FUNCTIONS, place, name, why)
        if invoked is not None:
            seed.invocations(place, name, invoked)

    judged(busy, "busy-daily", False, "invoked yesterday", invoked=1)
    judged(busy, "never-called", True, "old and never invoked")
    judged(busy, "busy-rarely", False, "invoked 60 days ago", invoked=60)
    judged(busy, "made-today", False, "made today", days=0)
    judged(busy, "warm-for-nothing", True, "never invoked, 2 units of provisioned concurrency")
    account, region = busy
    seed.state.provisioned[(account, region, "warm-for-nothing")] = [
        {
            "FunctionArn": f"arn:aws:lambda:{region}:{account}:function:warm-for-nothing:live",
            "RequestedProvisionedConcurrentExecutions": 2,
            "AvailableProvisionedConcurrentExecutions": 2,
            "AllocatedProvisionedConcurrentExecutions": 2,
            "Status": "READY",
            "LastModified": "2026-01-01T00:00:00+0000",
        }
    ]
    judged(seed.place("web-dev", "us-east-1"), "cron", True, "last invoked 100 days ago", invoked=100)
    judged(seed.place("ml", "ap-southeast-2"), "infer", False, "invoked 3 days ago", invoked=3)
    judged(seed.place("sandbox-anna", "us-east-1"), "hello", True, "old and never invoked")
    judged(seed.place("data-dev", "eu-west-1"), "etl", False, "80 days old, never invoked", days=80)
    judged(busy, "z-last", True, "old and never invoked, last of the list")


def buckets(seed):
    def judged(place, name, wasteful, why, days=200, objects=0, requests=None):
        name = f"orgscan-{name}"
        seed.bucket(place, name, days, objects)
        seed.judge(wasteful, UNUSED_BUCKETS, place, name, why)
        if requests is not None:
            seed.bucket_requests(place, name, requests)
        return name

    ireland, virginia = seed.place("web-prod", "eu-west-1"), seed.place("web-prod", "us-east-1")
    judged(ireland, "a-empty", True, "old and empty")
    judged(ireland, "b-content", False, "has objects, no request metrics", objects=3)
    judged(virginia, "c-idle", True, "has objects; no request in 90 days", objects=2, requests={95: 7})
    judged(virginia, "d-read", False, "has objects; a request 80 days ago", objects=2, requests={80: 1})
    judged(ireland, "e-young", False, "empty, 60 days old", days=60)
    judged(seed.place("web-prod", "ap-southeast-2"), "f-empty", True, "old and empty, last of the list")
    judged(seed.place("data-prod", "us-east-1"), "lake", False, "has objects, no request metrics", objects=5)
    judged(seed.place("data-dev", "eu-west-1"), "scratch", True, "old and empty")
    judged(seed.place("sandbox-ben", "us-east-1"), "today", False, "empty, made today", days=0)
    judged(seed.place("payer", "us-east-1"), "billing", False, "has objects, no request metrics", objects=1)
    # A list of the current objects shows nothing, but old versions lie there and cost.
    place = seed.place("data-prod", "eu-west-1")
    name = judged(place, "versions", False, "no current object, but 2 old versions", objects=0)
    s3 = seed.aws("s3", *place)
    with ago(199):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        for number in range(2):
            s3.put_object(Bucket=name, Key=f"k{number}", Body=b"x" * 1000)
            s3.delete_object(Bucket=name, Key=f"k{number}")
    series = seed.state.metrics.series(*place)
    for (_, metric, dimensions), points in series.items():
        if ("BucketName", name) in dimensions:  # a delete marker counts as an object
            points[:] = [(t, 4.0 if metric == "NumberOfObjects" else 2000.0) for t, _ in points]


def uploads(seed):
    """Uploads that never ended; moto says of all of them that they began in 2010."""
    for account, region, name, count in (
        ("web-prod", "eu-west-1", "orgscan-b-content", 3),
        ("data-prod", "us-east-1", "orgscan-lake", 1),
    ):
        place = seed.place(account, region)
        for number in range(count):
            seed.aws("s3", *place).create_multipart_upload(Bucket=name, Key=f"part-{number}")
        seed.plant(INCOMPLETE_UPLOADS, place, name, "uploads of 2010")
    seed.fine(INCOMPLETE_UPLOADS, seed.place("payer", "us-east-1"), "orgscan-billing", "no upload")


def distributions(seed):
    def judged(account, comment, wasteful, why, days=200, **more):
        made = seed.distribution(account, comment, days, **more)
        seed.judge(wasteful, UNUSED_DISTRIBUTIONS, (seed.ids[account], "global"), made, why)

    judged("web-prod", "shop", False, "requests yesterday", requests_on=1)
    judged("web-prod", "old-shop", True, "no request in 90 days", requests_on=95)
    judged("web-prod", "young", False, "30 days old, no request", days=30)
    judged("web-prod", "rare", False, "requests 85 days ago", requests_on=85)
    judged("web-prod", "dedicated-ip", True, "no request ever, dedicated IP certificate", dedicated_ip=True)
    judged("web-prod", "disabled", True, "disabled, no request", enabled=False)
    judged("sandbox-anna", "demo", True, "no request ever")
    judged("data-prod", "reports", False, "requests 10 days ago", requests_on=10)


def untagged(seed):
    """Resources without some of the default required tags; everything else has all three."""
    place = seed.place("sandbox-anna", "eu-west-1")
    with ago(200):
        instance, root = seed.instance(place, tags={k: TAGS[k] for k in ("Environment", "Owner")})
        seed.fine(UNUSED_VOLUMES, place, root, "an instance's root volume")
        seed.plant(UNTAGGED, place, arn(place, "instance", instance), "an instance without CostCenter")
        volume = seed.attached_volume(place, instance, "/dev/sdf", tags={})
        seed.plant(UNTAGGED, place, arn(place, "volume", volume), "a volume without any tag")
        place = seed.place("web-dev", "us-east-1")
        gone, _ = seed.instance(place, tags={})
        seed.ec2(place).terminate_instances(InstanceIds=[gone])
        seed.fine(UNTAGGED, place, arn(place, "instance", gone), "untagged, and terminated")
        place = seed.place("data-prod", "us-east-1")
        root = seed.ec2(place).describe_volumes(Filters=[{"Name": "status", "Values": ["in-use"]}])[
            "Volumes"
        ][0]
        snapshot = seed.snapshot(place, root["VolumeId"], tags={"Environment": "prod"})
        seed.plant(UNUSED_SNAPSHOTS, place, snapshot, "old and nothing came from it")
        seed.plant(UNTAGGED, place, arn(place, "snapshot", snapshot), "a snapshot with Environment only")
    place = seed.place("platform", "ap-southeast-2")
    address = seed.address(place, tags={})
    seed.plant(UNUSED_ADDRESSES, place, address, "not associated")
    seed.plant(UNTAGGED, place, arn(place, "elastic-ip", address), "an Elastic IP without any tag")
    place = seed.place("sandbox-ben", "us-east-1")
    seed.function(place, "whose", 0, tags={"Owner": "ben"})
    name = f"arn:aws:lambda:{place[1]}:{place[0]}:function:whose"
    seed.plant(UNTAGGED, place, name, "a function with Owner only")
    seed.fine(UNUSED_FUNCTIONS, place, "whose", "made today")
    seed.function(place, "nobodys", 0, tags={})
    name = f"arn:aws:lambda:{place[1]}:{place[0]}:function:nobodys"
    seed.plant(UNTAGGED, place, name, "a function that never had a tag")
    seed.fine(UNUSED_FUNCTIONS, place, "nobodys", "made today")


def tagged_look_alikes(seed):
    """For find_untagged_resources a few fully tagged resources of the judged types."""
    kinds = {
        UNUSED_VOLUMES: "volume",
        UNUSED_ADDRESSES: "elastic-ip",
        UNUSED_SNAPSHOTS: "snapshot",
        UNUSED_NATS: "natgateway",
    }
    bad = {row["resource_id"] for row in seed.planted if row["tool"] == UNTAGGED}
    for row in seed.planted + seed.healthy:
        if row["tool"] in kinds:
            place = (row["account_id"], row["region"])
            name = arn(place, kinds[row["tool"]], row["resource_id"])
            if name not in bad:
                seed.fine(UNTAGGED, place, name, "has all three tags")


def months(count):
    """The last `count` months as `2026-11`, the running one last."""
    day, names = STARTED.date().replace(day=1), []
    for _ in range(count):
        names.insert(0, day.strftime("%Y-%m"))
        day = (day - datetime.timedelta(days=1)).replace(day=1)
    return names


SERVICES = [  # service, region, base amount of a month
    ("Amazon Elastic Compute Cloud - Compute", "eu-west-1", "120.5000"),
    ("EC2 - Other", "eu-west-1", "33.1234"),
    ("Amazon Simple Storage Service", "us-east-1", "12.0417"),
    ("AWS Lambda", "eu-west-1", "1.2500"),
    ("AmazonCloudWatch", "us-east-1", "4.5678"),
    ("Amazon CloudFront", "global", "8.8000"),
    ("Amazon Relational Database Service", "us-east-1", "75.2500"),
    ("AWS Key Management Service", "ap-southeast-2", "0.0100"),
]


def cost_table(seed):
    """Account x service x month: each account a multiple, each month a little dearer."""
    rows = []
    for number, account in enumerate(seed.state.accounts.values()):
        if account.state != "ACTIVE":
            continue
        for step, month in enumerate(months(7)):
            for place, (service, region, base) in enumerate(SERVICES):
                if (number + place) % 4 == 3:
                    continue  # no account uses everything
                amount = Decimal(base) * (number + 1) * (100 + 5 * step) / 100
                rows.append(cost(account.id, service, region, month, amount))
    credit = cost(seed.ids["ml"], SERVICES[0][0], "eu-west-1", months(2)[0], Decimal("-250.0000"))
    rows.append({**credit, "record_type": "Credit"})
    return rows


def cost(account, service, region, month, amount):
    return {
        "account_id": account,
        "service": service,
        "region": region,
        "month": month,
        "amount": f"{amount:.4f}",
        "record_type": "Usage",
    }


def recommendations(seed):
    """Cost Optimization Hub: three for instances in different accounts, one for a volume."""

    def item(number, place, kind, resource, current, better, savings, cost_now, action, effort):
        account, region = place
        part = "instance" if kind == "Ec2Instance" else "volume"
        return {
            "recommendationId": f"rec-{number:04}",
            "accountId": account,
            "region": region,
            "resourceId": resource,
            "resourceArn": arn(place, part, resource),
            "currentResourceType": kind,
            "recommendedResourceType": kind,
            "estimatedMonthlySavings": savings,
            "estimatedSavingsPercentage": round(100 * savings / cost_now, 2),
            "estimatedMonthlyCost": cost_now,
            "currencyCode": "USD",
            "implementationEffort": effort,
            "restartNeeded": kind == "Ec2Instance",
            "actionType": action,
            "rollbackPossible": action != "Delete",
            "currentResourceSummary": current,
            "recommendedResourceSummary": better,
            "lastRefreshTimestamp": STARTED.timestamp() - 86400,
            "recommendationLookbackPeriodInDays": 14,
            "source": "ComputeOptimizer",
            "tags": [{"key": "Owner", "value": "team-a"}],
        }

    rows = []
    wanted = [
        ("web-prod", "eu-west-1", "m5.2xlarge", "m5.large", 210.24, 280.32, "Rightsize", "Medium"),
        ("data-prod", "us-east-1", "t3.micro", "t4g.micro", 1.46, 7.59, "MigrateToGraviton", "VeryHigh"),
        ("ml", "us-east-1", "p3.2xlarge", "", 2233.8, 2233.8, "Stop", "Low"),
    ]
    for number, (name, region, current, better, savings, cost_now, action, effort) in enumerate(wanted, 1):
        place = seed.place(name, region)
        reservation = seed.ec2(place).describe_instances()["Reservations"][0]
        instance = reservation["Instances"][0]["InstanceId"]
        rows.append(
            item(number, place, "Ec2Instance", instance, current, better, savings, cost_now, action, effort)
        )
        seed.plant(EC2_RECOMMENDATIONS, place, instance, f"{action}, saves {savings} USD a month")
    volume = next(row for row in seed.planted if row["tool"] == UNUSED_VOLUMES)
    place = (volume["account_id"], volume["region"])
    rows.insert(1, item(9, place, "EbsVolume", volume["resource_id"], "gp3", "", 8.0, 8.0, "Delete", "Low"))
    seed.fine(EC2_RECOMMENDATIONS, place, volume["resource_id"], "a recommendation for a volume")
    return rows


def build(moto):
    """Seeds the world; returns the front's state and the world's description."""
    import seed_containers
    import seed_network
    from moto.moto_api._internal import mock_random
    from seed_logs import log_groups
    from seed_messages import queues, rules, topics
    from seed_rollout import roll_out
    from seed_storage import storage_classes
    from seed_zones import zones

    mock_random.seed(SEED)
    seed = Seed(moto)
    with ago(400):
        seed.organization()
        seed.touch()
        roll_out(seed)
    busy, instance = volumes(seed)
    addresses(seed, busy, instance)
    snapshots(seed, busy, instance)
    images(seed, busy)
    instances(seed, busy)
    seed_containers.launch_templates(seed, busy)
    seed_containers.clusters(seed, busy)
    seed_containers.images(seed, busy)
    groups(seed, busy)
    nat_gateways(seed, busy)
    functions(seed, busy)
    buckets(seed)
    uploads(seed)
    distributions(seed)
    untagged(seed)
    seed_network.build(seed, busy)
    tagged_look_alikes(seed)
    log_groups(seed, busy)
    queues(seed, busy)
    topics(seed, busy)
    rules(seed, busy)
    zones(seed)
    storage_classes(seed)
    state = seed.state
    state.costs = cost_table(seed)
    state.recommendations = recommendations(seed)
    world = {
        "management_account_id": MANAGEMENT,
        "organization_id": state.organization,
        "role_name": "OrgscanReadOnly",
        "accounts": [
            {"id": a.id, "name": a.name, "state": a.state, "ou_path": a.ou_path}
            for a in state.accounts.values()
        ],
        "permitted": {account: role.actions() for account, role in state.roles.items()},
        "regions": state.regions,
        "planted": seed.planted,
        "healthy": seed.healthy,
        "costs": state.costs,
        "recommendations": state.recommendations,
    }
    return state, world
