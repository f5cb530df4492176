"""Checks the front with boto3: `python check_front.py`, non-zero exit on a failure.

The tests of the scanner are worth what this stand-in is worth, so its promises are
checked here: pages add up, refusals have AWS's codes and words, the world is as described.
"""

import datetime
import http.client
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

import boto3
import cbor2
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

HERE = os.path.dirname(os.path.abspath(__file__))
UTC = datetime.timezone.utc
SESSION = boto3.Session()
PLAIN = "AKIAPLAIN0000000000"
CHECKS = []
SCP = "with an explicit deny in a service control policy"


def check(function):
    CHECKS.append(function)
    return function


class Lab:
    """The running server and helpers on it."""

    def __init__(self, endpoint, world):
        self.endpoint, self.world = endpoint, world
        self.ids = {a["name"]: a["id"] for a in world["accounts"]}
        self._keys, self._number = {}, 0
        # What is checked here is more than orgscan asks, and so more than its role permits.
        self.http("PUT", f"/_front/profiles/{PLAIN}", {"unlimited_role": True})

    def http(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.endpoint + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def profile(self, **faults):
        """A fresh scanner with these faults; its role permits everything unless that is said."""
        self._number += 1
        faults = {"unlimited_role": True, **faults}
        key = f"AKIACHECK{self._number:011}"
        status, answer = self.http("PUT", f"/_front/profiles/{key}", faults)
        assert status == 200, answer
        return key

    def calls(self, key):
        return self.http("GET", f"/_front/calls/{key}")[1]

    def client(self, service, region="us-east-1", key=PLAIN, credentials=None, timeout=20):
        keys = {"aws_access_key_id": key, "aws_secret_access_key": "x"}
        if credentials:
            keys = {
                "aws_access_key_id": credentials["AccessKeyId"],
                "aws_secret_access_key": credentials["SecretAccessKey"],
                "aws_session_token": credentials["SessionToken"],
            }
        config = Config(
            retries={"total_max_attempts": 1}, read_timeout=timeout, s3={"addressing_style": "path"}
        )
        return SESSION.client(service, region_name=region, endpoint_url=self.endpoint, config=config, **keys)

    def assume(self, account, key=PLAIN, role="OrgscanReadOnly", **more):
        arn = f"arn:aws:iam::{self.ids.get(account, account)}:role/{role}"
        sts = self.client("sts", key=key)
        return sts.assume_role(RoleArn=arn, RoleSessionName="check", **more)["Credentials"]

    def member(self, service, account, region="us-east-1", key=PLAIN, **more):
        """A client in an account of the organization."""
        if account == "payer":
            return self.client(service, region, key, **more)
        if (account, key) not in self._keys:
            self._keys[account, key] = self.assume(account, key)
        return self.client(service, region, credentials=self._keys[account, key], **more)


def refused(code, call, *words, status=None):
    """The call must fail with this code and these words."""
    try:
        call()
    except ClientError as error:
        found = error.response["Error"]
        assert found["Code"] == code, f"{found} instead of {code}"
        for word in words:
            assert word in found["Message"], f"{word!r} not in {found['Message']!r}"
        if status:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status, error.response
        return
    raise AssertionError(f"not refused; {code} expected")


def walk(call, items, token_in, token_out, **arguments):
    """All items of a paged operation, and how many pages there were."""
    found, pages, token, seen = [], 0, None, set()
    while True:
        answer = call(**arguments, **({token_in: token} if token else {}))
        part = answer
        for name in items.split("."):
            part = part.get(name) or ([] if name == items.split(".")[-1] else {})
        found += part
        pages += 1
        holder = answer[items.split(".")[0]] if "." in items else answer
        token = holder.get(token_out)
        if not token:
            return found, pages
        assert token not in seen, "the same token twice"
        seen.add(token)
        assert pages < 500


# account, region, service, operation, items, token in, token out, arguments
PAGED = [
    ("payer", "us-east-1", "organizations", "list_accounts", "Accounts", "NextToken", "NextToken", {}),
    ("payer", "us-east-1", "organizations", "list_roots", "Roots", "NextToken", "NextToken", {}),
    ("web-prod", "eu-west-1", "ec2", "describe_volumes", "Volumes", "NextToken", "NextToken", {}),
    (
        "web-prod",
        "eu-west-1",
        "ec2",
        "describe_snapshots",
        "Snapshots",
        "NextToken",
        "NextToken",
        {"OwnerIds": ["self"]},
    ),
    (
        "web-prod",
        "eu-west-1",
        "ec2",
        "describe_images",
        "Images",
        "NextToken",
        "NextToken",
        {"Owners": ["self"]},
    ),
    ("web-prod", "eu-west-1", "ec2", "describe_instances", "Reservations", "NextToken", "NextToken", {}),
    (
        "data-prod",
        "eu-west-1",
        "ec2",
        "describe_launch_templates",
        "LaunchTemplates",
        "NextToken",
        "NextToken",
        {},
    ),
    (
        "data-prod",
        "eu-west-1",
        "ec2",
        "describe_launch_template_versions",
        "LaunchTemplateVersions",
        "NextToken",
        "NextToken",
        {"Versions": ["$Latest", "$Default"]},
    ),
    (
        "web-prod",
        "eu-west-1",
        "ec2",
        "describe_spot_fleet_requests",
        "SpotFleetRequestConfigs",
        "NextToken",
        "NextToken",
        {},
    ),
    ("web-prod", "eu-west-1", "ec2", "describe_fleets", "Fleets", "NextToken", "NextToken", {}),
    (
        "web-prod",
        "eu-west-1",
        "ec2",
        "describe_spot_instance_requests",
        "SpotInstanceRequests",
        "NextToken",
        "NextToken",
        {},
    ),
    (
        "web-prod",
        "eu-west-1",
        "ec2",
        "describe_security_groups",
        "SecurityGroups",
        "NextToken",
        "NextToken",
        {},
    ),
    (
        "web-prod",
        "eu-west-1",
        "ec2",
        "describe_network_interfaces",
        "NetworkInterfaces",
        "NextToken",
        "NextToken",
        {},
    ),
    ("web-prod", "eu-west-1", "ec2", "describe_nat_gateways", "NatGateways", "NextToken", "NextToken", {}),
    ("web-prod", "eu-west-1", "ec2", "describe_route_tables", "RouteTables", "NextToken", "NextToken", {}),
    (
        "web-prod",
        "eu-west-1",
        "ec2",
        "describe_fast_snapshot_restores",
        "FastSnapshotRestores",
        "NextToken",
        "NextToken",
        {},
    ),
    (
        "web-prod",
        "eu-west-1",
        "autoscaling",
        "describe_auto_scaling_groups",
        "AutoScalingGroups",
        "NextToken",
        "NextToken",
        {},
    ),
    (
        "data-prod",
        "eu-west-1",
        "autoscaling",
        "describe_launch_configurations",
        "LaunchConfigurations",
        "NextToken",
        "NextToken",
        {},
    ),
    ("web-prod", "eu-west-1", "lambda", "list_functions", "Functions", "Marker", "NextMarker", {}),
    (
        "web-prod",
        "eu-west-1",
        "lambda",
        "list_event_source_mappings",
        "EventSourceMappings",
        "Marker",
        "NextMarker",
        {},
    ),
    (
        "web-prod",
        "eu-west-1",
        "lambda",
        "list_provisioned_concurrency_configs",
        "ProvisionedConcurrencyConfigs",
        "Marker",
        "NextMarker",
        {"FunctionName": "warm-for-nothing"},
    ),
    (
        "web-prod",
        "us-east-1",
        "s3",
        "list_buckets",
        "Buckets",
        "ContinuationToken",
        "ContinuationToken",
        {"MaxBuckets": 1000},
    ),
    (
        "web-prod",
        "us-east-1",
        "cloudfront",
        "list_distributions",
        "DistributionList.Items",
        "Marker",
        "NextMarker",
        {},
    ),
    ("web-prod", "us-east-1", "route53", "list_hosted_zones", "HostedZones", "Marker", "NextMarker", {}),
    (
        "web-prod",
        "eu-west-1",
        "resourcegroupstaggingapi",
        "get_resources",
        "ResourceTagMappingList",
        "PaginationToken",
        "PaginationToken",
        {},
    ),
    ("web-prod", "eu-west-1", "cloudwatch", "list_metrics", "Metrics", "NextToken", "NextToken", {}),
    (
        "payer",
        "us-east-1",
        "cost-optimization-hub",
        "list_recommendations",
        "items",
        "nextToken",
        "nextToken",
        {},
    ),
    (
        "payer",
        "us-east-1",
        "cost-optimization-hub",
        "list_enrollment_statuses",
        "items",
        "nextToken",
        "nextToken",
        {"includeOrganizationInfo": True},
    ),
    ("web-prod", "us-east-1", "account", "list_regions", "Regions", "NextToken", "NextToken", {}),
]


@check
def pages_add_up(lab):
    """page_size 2 with empty pages between gives the same lists."""
    small = lab.profile(page_size=2, empty_pages=True)
    empty = {
        "describe_spot_fleet_requests",
        "describe_fleets",
        "describe_spot_instance_requests",
        "describe_fast_snapshot_restores",
        "list_event_source_mappings",
    }
    for account, region, service, operation, items, token_in, token_out, arguments in PAGED:
        whole = lab.member(service, account, region)
        cut = lab.member(service, account, region, key=small)
        first, one = walk(getattr(whole, operation), items, token_in, token_out, **arguments)
        second, many = walk(getattr(cut, operation), items, token_in, token_out, **arguments)
        label = f"{service}.{operation}"
        assert first == second, f"{label}: {len(first)} and {len(second)} items differ"
        assert first or operation in empty, f"{label}: nothing to page"
        expected = max(1, 2 * ((len(first) + 1) // 2) - 1)
        whole_pages = math.ceil(len(first) / 50) if service == "resourcegroupstaggingapi" else 1
        assert one == whole_pages, f"{label}: {one} pages"
        assert many == expected, f"{label}: {many} pages, {expected} expected"
        if many > 1:  # a token that was not issued, or was issued for another list
            forged = {token_in: "Zm9yZ2Vk"}
            try:
                getattr(cut, operation)(**arguments, **forged)
                raise AssertionError(f"{label}: a forged token is accepted")
            except ClientError as error:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error


@check
def sizes_are_honoured(lab):
    """A MaxResults smaller than the list, without any fault."""
    accounts, pages = walk(
        lab.client("organizations").list_accounts, "Accounts", "NextToken", "NextToken", MaxResults=4
    )
    assert len(accounts) == 10 and pages == 3
    refused("InvalidInputException", lambda: lab.client("organizations").list_accounts(MaxResults=21))
    ec2 = lab.member("ec2", "web-prod", "eu-west-1")
    assert walk(ec2.describe_volumes, "Volumes", "NextToken", "NextToken", MaxResults=5)[1] > 1
    some = ec2.describe_volumes(MaxResults=5)["Volumes"]
    refused(
        "InvalidParameterCombination",
        lambda: ec2.describe_volumes(MaxResults=5, VolumeIds=[some[0]["VolumeId"]]),
    )
    s3 = lab.member("s3", "web-prod")
    answer = s3.list_buckets(MaxBuckets=2)
    assert len(answer["Buckets"]) == 2 and answer["ContinuationToken"]
    assert all(b["BucketRegion"] for b in answer["Buckets"])
    assert not any("BucketRegion" in b for b in s3.list_buckets()["Buckets"])
    only = s3.list_buckets(BucketRegion="ap-southeast-2")["Buckets"]
    assert [b["Name"] for b in only] == ["orgscan-f-empty"], only


@check
def organization(lab):
    """The tree as AWS shows it; members may not look."""
    client = lab.client("organizations")
    root = client.list_roots()["Roots"][0]["Id"]
    names, todo = {}, [(root, "")]
    while todo:
        parent, path = todo.pop()
        for ou in client.list_organizational_units_for_parent(ParentId=parent)["OrganizationalUnits"]:
            full = f"{path}/{ou['Name']}".strip("/")
            assert ou["Path"].endswith(f"{ou['Id']}/")
            names[ou["Id"]] = full
            todo.append((ou["Id"], full))
    paths = {}
    for account in client.list_accounts()["Accounts"]:
        parts = account["Paths"][0].strip("/").split("/")
        assert parts[0] == lab.world["organization_id"] and parts[1] == root and parts[-1] == account["Id"]
        paths[account["Id"]] = "/".join(n.rpartition("/")[2] for n in (names[p] for p in parts[2:-1]))
        assert account["State"] == account["Status"]
    assert paths == {a["id"]: a["ou_path"] for a in lab.world["accounts"]}
    assert [a["name"] for a in lab.world["accounts"] if a["state"] == "SUSPENDED"] == ["retired"]
    refused("AccessDeniedException", lab.member("organizations", "web-dev").list_accounts)
    for fault, code in (
        ("no_organization", "AWSOrganizationsNotInUseException"),
        ("organizations_denied", "AccessDeniedException"),
    ):
        refused(code, lab.client("organizations", key=lab.profile(**{fault: True})).list_accounts)


@check
def identity_and_roles(lab):
    """AssumeRole judges as IAM does."""
    management = lab.world["management_account_id"]
    caller = lab.client("sts").get_caller_identity()
    assert caller["Account"] == management and f":sts::{management}:" in caller["Arn"]
    member = lab.member("sts", "ml").get_caller_identity()
    assert member["Arn"] == f"arn:aws:sts::{lab.ids['ml']}:assumed-role/OrgscanReadOnly/check"
    for name, role in (
        ("ml", "Admin"),
        ("retired", "OrgscanReadOnly"),
        ("999999999999", "OrgscanReadOnly"),
        ("payer", "OrgscanReadOnly"),
    ):
        arn = f"arn:aws:iam::{lab.ids.get(name, name)}:role/{role}"
        refused(
            "AccessDenied",
            lambda: lab.assume(name, role=role),
            f"User: {caller['Arn']} is not authorized to perform: sts:AssumeRole on resource: {arn}",
            status=403,
        )
    key = lab.profile(role_missing=[lab.ids["ml"]], external_id={lab.ids["platform"]: "secret"})
    refused("AccessDenied", lambda: lab.assume("ml", key), "sts:AssumeRole on resource")
    refused("AccessDenied", lambda: lab.assume("platform", key), "sts:AssumeRole on resource")
    refused(
        "AccessDenied", lambda: lab.assume("platform", key, ExternalId="wrong"), "sts:AssumeRole on resource"
    )
    lab.assume("platform", key, ExternalId="secret")
    refused("ValidationError", lambda: lab.assume("ml", DurationSeconds=7200))
    chained = lab.member("sts", "ml")
    arn = f"arn:aws:iam::{lab.ids['platform']}:role/OrgscanReadOnly"
    refused("AccessDenied", lambda: chained.assume_role(RoleArn=arn, RoleSessionName="chain"))
    forged = {"AccessKeyId": "ASIAFORGED0000000000", "SecretAccessKey": "x", "SessionToken": "x"}
    refused("InvalidClientTokenId", lab.client("sts", credentials=forged).get_caller_identity)
    stale = dict(lab.assume("ml"), SessionToken="other")
    refused("AuthFailure", lab.client("ec2", credentials=stale).describe_volumes, status=401)


@check
def denied_by_policy(lab):
    """SCP and role have their own words, EC2 its own code."""
    account = lab.ids["web-prod"]
    key = lab.profile(
        deny_regions={account: ["eu-west-1"]},
        deny_actions={"*": ["ec2:DescribeImages", "s3:ListAllMyBuckets"]},
    )

    def at(service, region="eu-west-1"):
        return lab.member(service, "web-prod", region, key)

    refused("UnauthorizedOperation", at("ec2").describe_volumes, f"ec2:DescribeVolumes {SCP}", status=403)
    refused("AccessDeniedException", at("lambda").list_functions, f"lambda:ListFunctions {SCP}")
    refused("AccessDenied", at("autoscaling").describe_auto_scaling_groups, SCP)
    refused("AccessDeniedException", at("resourcegroupstaggingapi").get_resources, SCP)
    at("ec2", "us-east-1").describe_volumes()
    at("account", "us-east-1").list_regions()
    at("cloudfront", "eu-west-1").list_distributions()
    words = "because no identity-based policy allows the ec2:DescribeImages action"
    refused("UnauthorizedOperation", at("ec2", "us-east-1").describe_images, words)
    refused("AccessDenied", at("s3", "us-east-1").list_buckets, "s3:ListAllMyBuckets")
    refused(
        "UnauthorizedOperation",
        lambda: at("ec2", "us-east-1").create_volume(AvailabilityZone="us-east-1a", Size=1),
    )


@check
def regions(lab):
    """Only enabled regions answer, and the two lists of regions agree."""
    account = lab.ids["data-dev"]
    key = lab.profile(not_enabled={account: ["ap-southeast-2"]}, list_regions_denied=False)
    enabled = ["ENABLED", "ENABLED_BY_DEFAULT"]

    def listed(key):
        answer = lab.member("account", "data-dev", key=key).list_regions(RegionOptStatusContains=enabled)
        described = lab.member("ec2", "data-dev", key=key).describe_regions()["Regions"]
        names = sorted(r["RegionName"] for r in answer["Regions"])
        assert names == sorted(r["RegionName"] for r in described)
        return names

    assert listed(PLAIN) == lab.world["regions"]
    assert listed(key) == ["eu-west-1", "us-east-1"]
    everything = lab.member("ec2", "data-dev", key=key).describe_regions(AllRegions=True)["Regions"]
    assert {"RegionName": "ap-southeast-2", "OptInStatus": "not-opted-in"}.items() <= [
        r for r in everything if r["RegionName"] == "ap-southeast-2"
    ][0].items()

    def at(service, region):
        return lab.member(service, "data-dev", region, key)

    for region in ("ap-southeast-2", "eu-central-2"):
        refused("AuthFailure", at("ec2", region).describe_volumes, "AWS was not able to validate", status=401)
        refused("UnrecognizedClientException", at("lambda", region).list_functions)
        refused("UnrecognizedClientException", at("cloudwatch", region).list_metrics)
        refused("InvalidClientTokenId", at("autoscaling", region).describe_auto_scaling_groups)
        at("s3", region).list_buckets()
    lab.member("ec2", "platform", "ap-southeast-2", key).describe_volumes()
    denied = lab.profile(list_regions_denied=True)
    refused(
        "AccessDeniedException",
        lab.member("account", "data-dev", key=denied).list_regions,
        "account:ListRegions",
    )


@check
def expiry(lab):
    """The first credentials of an account expire after n calls, the next do not."""
    for service, region, call, code in (
        ("ec2", "us-east-1", "describe_volumes", "ExpiredToken"),
        ("lambda", "us-east-1", "list_functions", "ExpiredTokenException"),
        ("resourcegroupstaggingapi", "us-east-1", "get_resources", "ExpiredTokenException"),
        ("cloudwatch", "us-east-1", "list_metrics", "ExpiredTokenException"),
    ):
        key = lab.profile(expire_after={lab.ids["ml"]: 3})
        client = lab.client(service, region, credentials=lab.assume("ml", key))
        for _ in range(3):
            getattr(client, call)()
        refused(code, getattr(client, call), "expired")
        fresh = lab.client(service, region, credentials=lab.assume("ml", key))
        for _ in range(5):
            getattr(fresh, call)()


@check
def throttling_and_errors(lab):
    """The first calls fail, per account and region."""
    key = lab.profile(
        throttle_first={"ec2:DescribeVolumes": 2, "cost-optimization-hub:ListRecommendations": 1},
        server_error_first={"ec2:DescribeVolumes": 1, "cloudwatch:GetMetricData": 1},
    )
    for region in ("us-east-1", "eu-west-1"):
        ec2 = lab.member("ec2", "ml", region, key)
        refused("Unavailable", ec2.describe_volumes, status=503)
        refused("RequestLimitExceeded", ec2.describe_volumes, status=503)
        refused("RequestLimitExceeded", ec2.describe_volumes)
        ec2.describe_volumes()
    hub = lab.client("cost-optimization-hub", key=key)
    refused("ThrottlingException", hub.list_recommendations, "Rate exceeded")
    hub.list_recommendations()
    calls = [c for c in lab.calls(key) if c["operation"] == "DescribeVolumes" and c["region"] == "eu-west-1"]
    assert [c["status"] for c in calls] == [503, 503, 503, 200], calls
    assert calls[1]["error"] == "RequestLimitExceeded" and calls[3]["error"] is None
    assert calls[0]["account"] == lab.ids["ml"] and calls[0]["service"] == "ec2"
    seqs = [c["seq"] for c in lab.calls(key)]
    assert seqs == list(range(1, len(seqs) + 1))
    lab.http("DELETE", f"/_front/calls/{key}")
    assert lab.calls(key) == []


@check
def slow_and_hanging(lab):
    """A delay and a call that never ends; others go on meanwhile."""
    key = lab.profile(delay_ms=300, hang=["ec2:DescribeSnapshots"])
    started = time.time()
    lab.client("ec2", key=key).describe_volumes()
    assert time.time() - started >= 0.3
    started = time.time()
    try:
        lab.client("ec2", key=key, timeout=1).describe_snapshots()
        raise AssertionError("an answer from a hanging call")
    except ReadTimeoutError:
        assert time.time() - started < 5
    lab.client("ec2", key=key).describe_volumes()
    time.sleep(1)
    assert [c["error"] for c in lab.calls(key) if c["operation"] == "DescribeSnapshots"] == ["hung"]


@check
def control(lab):
    """A mistyped fault is refused; profiles do not touch each other."""
    assert lab.http("PUT", "/_front/profiles/AKIAX", {"page_sise": 2})[0] == 400
    assert lab.http("PUT", "/_front/profiles/AKIAX", {"page_size": "2"})[0] == 400
    assert lab.http("GET", "/_front/nothing/AKIAX")[0] == 404
    lab.profile(deny_actions={"*": ["ec2:DescribeVolumes"]})
    lab.client("ec2", key="AKIANEVERSET").describe_volumes()


@check
def unknown_operations(lab):
    """What neither moto nor the front knows is refused as AWS refuses an unknown action."""
    refused("InvalidAction", lab.client("ec2").describe_capacity_reservations, status=400)
    refused("UnknownOperationException", lab.client("ce").list_cost_allocation_tags, status=400)
    refused("InvalidAction", lab.client("account").get_contact_information, status=400)
    refused("UnknownOperationException", lab.client("compute-optimizer").get_recommendation_summaries, status=400)
    refused("UnknownOperationException", lab.client("cloudwatch").describe_anomaly_detectors)
    refused("InvalidAction", lab.client("iam").list_delegation_requests, status=400)


@check
def roles_permit_what_the_templates_give_them(lab):
    """Without that fault a role may do what its stack permits and nothing else, and a session policy takes from it."""
    key = lab.profile(unlimited_role=False)
    lab.member("ec2", "web-prod", "eu-west-1", key=key).describe_volumes()
    s3 = lab.member("s3", "web-prod", "eu-west-1", key=key)
    refused("AccessDenied", lambda: s3.get_bucket_tagging(Bucket="orgscan-a-empty"), status=403)
    refused("UnauthorizedOperation", lab.member("ec2", "web-prod", "eu-west-1", key=key).describe_key_pairs)
    lab.client("cloudformation", key=key).list_stack_instances(StackSetName="orgscan-member-role")
    refused("AccessDenied", lab.client("cloudformation", key=key).list_stack_sets, status=403)
    only = {"Effect": "Allow", "Action": ["ec2:DescribeImages"], "Resource": "*"}
    narrowed = lab.assume("web-prod", key=key, Policy=json.dumps({"Version": "2012-10-17", "Statement": [only]}))
    ec2 = lab.client("ec2", "eu-west-1", credentials=narrowed)
    ec2.describe_images(Owners=["self"])
    refused("UnauthorizedOperation", ec2.describe_volumes)


def metric_query(name, namespace, metric, dimensions, stat="Sum", period=86400):
    listed = [{"Name": k, "Value": v} for k, v in dimensions.items()]
    metric = {"Namespace": namespace, "MetricName": metric, "Dimensions": listed}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}


def raw_get(lab, service, region, path, account="web-prod"):
    """A GET with the path exactly as given: SDKs differ in slashes and flags."""
    credentials = lab.assume(account)
    scope = f"{credentials['AccessKeyId']}/20260101/{region}/{service}/aws4_request"
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "x-amz-security-token": credentials["SessionToken"],
    }
    connection = http.client.HTTPConnection(lab.endpoint[len("http://") :])
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


@check
def paths(lab):
    """Operations are known by their REST paths, with and without a closing slash."""
    key = "/2015-03-31/functions"
    for service, region, path, words in (
        ("lambda", "eu-west-1", key, b"never-called"),
        ("lambda", "eu-west-1", key + "/", b"never-called"),
        ("lambda", "eu-west-1", key + "?MaxItems=2", b"NextMarker"),
        ("lambda", "eu-west-1", "/2015-03-31/event-source-mappings", b"EventSourceMappings"),
        (
            "lambda",
            "eu-west-1",
            "/2019-09-30/functions/warm-for-nothing/provisioned-concurrency?List=ALL",
            b"READY",
        ),
        ("s3", "us-east-1", "/", b"orgscan-a-empty"),
        ("s3", "us-east-1", "/?x-id=ListBuckets&max-buckets=1", b"<ContinuationToken>"),
        ("s3", "eu-west-1", "/orgscan-b-content/?list-type=2", b"<KeyCount>3<"),
        ("s3", "eu-west-1", "/orgscan-b-content?list-type=2&max-keys=1", b"<KeyCount>1<"),
        ("s3", "eu-west-1", "/orgscan-b-content/?versions", b"ListVersionsResult"),
        (
            "s3",
            "us-east-1",
            "/orgscan-c-idle?metrics&id=EntireBucket&x-id=GetBucketMetricsConfiguration",
            b"<Id>",
        ),
        ("cloudfront", "us-east-1", "/2020-05-31/distribution", b"DistributionList"),
        ("cloudfront", "us-east-1", "/2020-05-31/distribution?MaxItems=2", b"<IsTruncated>true"),
        ("route53", "us-east-1", "/2013-04-01/hostedzone?maxitems=2", b"<IsTruncated>true"),
    ):
        status, body = raw_get(lab, service, region, path)
        assert status == 200 and words in body, (path, status, body[:300])
    calls = lab.calls(PLAIN)
    assert not [c for c in calls if c["operation"] == "Unknown"]


def cbor_call(lab, operation, params, credentials, region):
    """A request as the Rust SDK sends it: smithy rpc-v2-cbor."""
    host = lab.endpoint[len("http://") :]
    scope = f"{credentials['AccessKeyId']}/20260101/{region}/monitoring/aws4_request"
    headers = {
        "smithy-protocol": "rpc-v2-cbor",
        "content-type": "application/cbor",
        "accept": "application/cbor",
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "x-amz-security-token": credentials["SessionToken"],
    }
    connection = http.client.HTTPConnection(host)
    body = cbor2.dumps(params, datetime_as_timestamp=True)
    connection.request("POST", f"/service/GraniteServiceVersion20100801/operation/{operation}", body, headers)
    answer = connection.getresponse()
    raw = answer.read()
    assert answer.getheader("smithy-protocol") == "rpc-v2-cbor"
    assert answer.getheader("content-type") == "application/cbor"
    return answer.status, cbor2.loads(raw), raw


@check
def cbor(lab):
    """GetMetricData over CBOR: tagged timestamps, exact dimensions, pages, errors."""
    now = datetime.datetime.now(UTC).replace(microsecond=0)
    params = {
        "MetricDataQueries": [
            metric_query("a", "AWS/Lambda", "Invocations", {"FunctionName": "busy-daily"}),
            metric_query("b", "AWS/Lambda", "Invocations", {"FunctionName": "never-called"}),
            metric_query("c", "AWS/Lambda", "Invocations", {}),
        ],
        "StartTime": now - datetime.timedelta(days=90),
        "EndTime": now,
    }
    credentials = lab.assume("web-prod")
    status, answer, raw = cbor_call(lab, "GetMetricData", params, credentials, "eu-west-1")
    assert status == 200, answer
    rows = {r["Id"]: r for r in answer["MetricDataResults"]}
    assert rows["a"]["Values"] == [5.0] and isinstance(rows["a"]["Timestamps"][0], datetime.datetime)
    assert b"\xc1" in raw  # CBOR tag 1
    assert rows["b"]["Values"] == [] and rows["b"]["StatusCode"] == "Complete"
    assert rows["c"]["Values"] == [5.0, 5.0] or sum(rows["c"]["Values"]) == 10.0
    small = lab.assume("web-prod", lab.profile(page_size=1, empty_pages=True))
    found, token, pages = [], None, 0
    while pages == 0 or token:
        asked = dict(params, **({"NextToken": token} if token else {}))
        status, answer, _ = cbor_call(lab, "GetMetricData", asked, small, "eu-west-1")
        assert status == 200, answer
        found += answer["MetricDataResults"]
        token, pages = answer.get("NextToken"), pages + 1
    assert [r["Id"] for r in found] == ["a", "b", "c"] and pages == 5
    status, answer, _ = cbor_call(
        lab, "ListMetrics", {"Namespace": "AWS/NATGateway"}, credentials, "eu-west-1"
    )
    assert status == 200 and len(answer["Metrics"]) == 30, len(answer["Metrics"])
    status, answer, _ = cbor_call(lab, "DescribeAlarms", {}, credentials, "eu-west-1")
    assert status == 200 and [a["AlarmName"] for a in answer["MetricAlarms"]] == ["other", "tells"]
    status, answer, _ = cbor_call(lab, "GetMetricData", params, credentials, "eu-central-2")
    assert status == 400 and answer["__type"].endswith("#UnrecognizedClientException")
    swapped = dict(params, StartTime=params["EndTime"], EndTime=params["StartTime"])
    status, answer, _ = cbor_call(lab, "GetMetricData", swapped, credentials, "eu-west-1")
    assert status == 400 and answer["__type"].endswith("#ValidationError"), answer


@check
def metric_sums(lab):
    """Sums over days, hours and all the time agree."""
    nat = [r for r in lab.world["healthy"] if r["why"] == "traffic every day"][0]["resource_id"]
    now = datetime.datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    client = lab.member("cloudwatch", "web-prod", "eu-west-1")
    for period, buckets in ((86400, 30), (30 * 86400, 1), (3600, 30)):
        query = metric_query(
            "m", "AWS/NATGateway", "BytesOutToDestination", {"NatGatewayId": nat}, period=period
        )
        answer = client.get_metric_data(
            MetricDataQueries=[query], StartTime=midnight - datetime.timedelta(days=30), EndTime=midnight
        )
        values = answer["MetricDataResults"][0]["Values"]
        assert len(values) == buckets and sum(values) == 30 * 5_000_000, (period, values)


@check
def cost_explorer(lab):
    """Totals, groups, days, filters, pages and a member's own view."""
    from decimal import Decimal

    table = lab.world["costs"]
    months = sorted({row["month"] for row in table})
    month, after = months[-2], months[-1]
    span = {"Start": f"{month}-01", "End": f"{after}-01"}
    ce = lab.client("ce")

    def ask(client=ce, **more):
        return client.get_cost_and_usage(
            **{"TimePeriod": span, "Granularity": "MONTHLY", "Metrics": ["UnblendedCost"], **more}
        )

    def amount(holder):
        return Decimal(holder["UnblendedCost"]["Amount"])

    expected = sum(Decimal(row["amount"]) for row in table if row["month"] == month)
    total = ask()["ResultsByTime"]
    assert len(total) == 1 and amount(total[0]["Total"]) == expected and not total[0]["Estimated"]
    days = ask(Granularity="DAILY")["ResultsByTime"]
    assert len(days) >= 28 and abs(sum(amount(d["Total"]) for d in days) - expected) < Decimal("0.0001")
    groups = [{"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}, {"Type": "DIMENSION", "Key": "SERVICE"}]
    rows = ask(GroupBy=groups)["ResultsByTime"][0]["Groups"]
    assert sum(amount(r["Metrics"]) for r in rows) == expected
    assert any(
        amount(r["Metrics"]) < 0
        for r in ask(GroupBy=[{"Type": "DIMENSION", "Key": "RECORD_TYPE"}])["ResultsByTime"][0]["Groups"]
    )
    own = {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": [lab.ids["ml"]]}}
    of_ml = sum(
        Decimal(r["amount"]) for r in table if r["month"] == month and r["account_id"] == lab.ids["ml"]
    )
    assert amount(ask(Filter=own)["ResultsByTime"][0]["Total"]) == of_ml
    assert amount(ask(Filter={"And": [own, own]})["ResultsByTime"][0]["Total"]) == of_ml
    assert amount(ask(lab.member("ce", "ml"))["ResultsByTime"][0]["Total"]) == of_ml
    small = lab.client("ce", key=lab.profile(page_size=7, empty_pages=True))
    found, token, pages = [], None, 0
    while pages == 0 or token:
        answer = ask(small, GroupBy=groups, **({"NextPageToken": token} if token else {}))
        found += [g for result in answer["ResultsByTime"] for g in result["Groups"]]
        token, pages = answer.get("NextPageToken"), pages + 1
    assert found == rows and pages > 3
    refused("ValidationException", lambda: ask(TimePeriod={"Start": span["End"], "End": span["Start"]}))
    refused("ValidationException", lambda: ask(TimePeriod={"Start": "2020-01-01", "End": span["End"]}))
    today = datetime.datetime.now(UTC).date()
    tomorrow = (today + datetime.timedelta(days=1)).isoformat()
    running = ask(TimePeriod={"Start": f"{after}-01", "End": tomorrow})["ResultsByTime"][0]
    expected = sum(Decimal(row["amount"]) for row in table if row["month"] == after)
    assert running["Estimated"] and amount(running["Total"]) == expected


@check
def optimization_hub(lab):
    """Filters, and an account that is not enrolled."""
    hub = lab.client("cost-optimization-hub")
    kinds = [i["currentResourceType"] for i in hub.list_recommendations()["items"]]
    assert sorted(kinds) == ["EbsVolume", "Ec2Instance", "Ec2Instance", "Ec2Instance"]
    found = hub.list_recommendations(filter={"resourceTypes": ["Ec2Instance"]}, maxResults=2)
    assert len(found["items"]) == 2 and found["nextToken"]
    one = hub.list_recommendations(filter={"accountIds": [lab.ids["ml"]]})["items"]
    assert len(one) == 1 and one[0]["region"] == "us-east-1"
    assert hub.list_enrollment_statuses()["items"][0]["status"] == "Active"
    off = lab.client("cost-optimization-hub", key=lab.profile(coh_not_enrolled=True))
    assert off.list_enrollment_statuses()["items"][0]["status"] == "Inactive"
    refused("AccessDeniedException", off.list_recommendations)


@check
def small_operations(lab):
    """What moto lacks or answers in its own way."""
    s3 = lab.member("s3", "web-prod")
    assert s3.get_bucket_metrics_configuration(Bucket="orgscan-c-idle", Id="EntireBucket")[
        "MetricsConfiguration"
    ]
    listed = s3.list_bucket_metrics_configurations(Bucket="orgscan-c-idle")["MetricsConfigurationList"]
    assert [c["Id"] for c in listed] == ["EntireBucket"]
    ireland = lab.member("s3", "web-prod", "eu-west-1")
    refused(
        "NoSuchConfiguration",
        lambda: ireland.get_bucket_metrics_configuration(Bucket="orgscan-a-empty", Id="EntireBucket"),
        status=404,
    )
    assert "MetricsConfigurationList" not in ireland.list_bucket_metrics_configurations(
        Bucket="orgscan-a-empty"
    )
    status, body = raw_get(
        lab, "s3", "us-east-1", "/orgscan-a-empty/?metrics&x-id=ListBucketMetricsConfigurations"
    )
    assert status == 301 and b"<Code>PermanentRedirect</Code>" in body, (status, body)
    moved = ireland.get_bucket_lifecycle_configuration(Bucket="orgscan-moved")["Rules"]
    assert moved[0]["Transitions"][0]["StorageClass"] == "STANDARD_IA", moved
    refused(
        "NoSuchLifecycleConfiguration",
        lambda: ireland.get_bucket_lifecycle_configuration(Bucket="orgscan-media"),
        status=404,
    )
    assert s3.get_bucket_location(Bucket="orgscan-a-empty")["LocationConstraint"] == "eu-west-1"
    assert ireland.list_objects_v2(Bucket="orgscan-b-content")["KeyCount"] == 3
    assert ireland.list_objects_v2(Bucket="orgscan-a-empty", MaxKeys=1)["KeyCount"] == 0
    versions = lab.member("s3", "data-prod", "eu-west-1").list_object_versions(Bucket="orgscan-versions")
    assert len(versions["Versions"]) == 2 and len(versions["DeleteMarkers"]) == 2
    ec2 = lab.member("ec2", "web-prod", "eu-west-1")
    lent = "shared with another account that launches from it"
    shared = [r for r in lab.world["healthy"] if r["why"] == lent][0]["resource_id"]
    permission = ec2.describe_image_attribute(ImageId=shared, Attribute="launchPermission")[
        "LaunchPermissions"
    ]
    assert permission == [{"UserId": lab.ids["data-prod"]}], permission
    free = [a for a in ec2.describe_addresses()["Addresses"] if "AssociationId" not in a]
    assert free and not any("InstanceId" in a for a in free)
    tagging = lab.member("resourcegroupstaggingapi", "web-prod", "eu-west-1")
    found = tagging.get_resources(ResourceTypeFilters=["ec2:elastic-ip"])["ResourceTagMappingList"]
    assert len(found) == len(ec2.describe_addresses()["Addresses"]), len(found)
    groups = lab.member("autoscaling", "web-prod", "eu-west-1").describe_auto_scaling_groups()[
        "AutoScalingGroups"
    ]
    overrides = groups[0]["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]
    assert overrides[0]["LaunchTemplateSpecification"]["LaunchTemplateId"].startswith("lt-")
    configs = lab.member("lambda", "web-prod", "eu-west-1").list_provisioned_concurrency_configs(
        FunctionName="warm-for-nothing"
    )["ProvisionedConcurrencyConfigs"]
    assert configs[0]["AllocatedProvisionedConcurrentExecutions"] == 2
    for item in lab.member("cloudfront", "web-prod").list_distributions()["DistributionList"]["Items"]:
        if item["Comment"] == "dedicated-ip":
            assert item["ViewerCertificate"]["SSLSupportMethod"] == "vip"
            assert item["Enabled"]
        if item["Comment"] == "disabled":
            assert not item["Enabled"]
    route53 = lab.member("route53", "web-prod")
    vpcs = {}
    for item in route53.list_hosted_zones()["HostedZones"]:
        vpcs[item["Name"]] = route53.get_hosted_zone(Id=item["Id"]).get("VPCs")
        principal = item.get("LinkedService", {}).get("ServicePrincipal")
        assert principal == (
            "servicediscovery.amazonaws.com" if item["Name"] == "services.internal." else None
        ), item
    assert not vpcs["shop.example."] and not vpcs["left.internal."] and len(vpcs["corp.internal."]) == 1


# --- the world, judged again without the seed's knowledge -------------------


def everywhere(lab, service):
    """Clients of all active accounts and regions."""
    for account in lab.world["accounts"]:
        if account["state"] != "ACTIVE":
            continue
        for region in lab.world["regions"]:
            yield (account["id"], region), lab.member(service, account["name"], region)


def planted(lab, tool):
    return {
        (r["account_id"], r["region"], r["resource_id"]) for r in lab.world["planted"] if r["tool"] == tool
    }


def same(lab, tool, found):
    expected = planted(lab, tool)
    assert found == expected, f"{tool}: only found {found - expected}, only planted {expected - found}"


def old(moment, days=90):
    return datetime.datetime.now(UTC) - moment > datetime.timedelta(days=days)


def series(cloudwatch, namespace, metric, dimensions, days=90):
    now = datetime.datetime.now(UTC)
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[metric_query("m", namespace, metric, dimensions)],
        StartTime=now - datetime.timedelta(days=days),
        EndTime=now,
    )
    return answer["MetricDataResults"][0]["Values"]


@check
def world_of_ec2(lab):
    """Volumes, addresses, snapshots, images, groups, gateways and tags judged from the API."""
    found = {
        name: set() for name in ("volumes", "addresses", "snapshots", "images", "groups", "nats", "tags")
    }
    used_anywhere = set()
    ports = [22, 3389, 3306, 5432, 1433, 6379, 27017, 9200]
    needed = {"Environment", "Owner", "CostCenter"}
    for place, ec2 in everywhere(lab, "ec2"):
        account, region = place

        def tags(kind, rows, name):
            for row in rows:
                if needed - {t["Key"] for t in row.get("Tags", [])}:
                    owner = "" if kind == "snapshot" else account
                    found["tags"].add((*place, f"arn:aws:ec2:{region}:{owner}:{kind}/{row[name]}"))

        volumes = ec2.describe_volumes()["Volumes"]
        addresses = ec2.describe_addresses()["Addresses"]
        snapshots = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
        images = ec2.describe_images(Owners=["self"])["Images"]
        nats = ec2.describe_nat_gateways()["NatGateways"]
        instances = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
        instances = [i for i in instances if i["State"]["Name"] != "terminated"]
        templates = [
            v["LaunchTemplateData"]
            for t in ec2.describe_launch_templates()["LaunchTemplates"]
            for v in ec2.describe_launch_template_versions(LaunchTemplateId=t["LaunchTemplateId"])[
                "LaunchTemplateVersions"
            ]
        ]
        autoscaling = lab.member("autoscaling", account_name(lab, account), region)
        configurations = autoscaling.describe_launch_configurations()["LaunchConfigurations"]
        found["volumes"] |= {(*place, v["VolumeId"]) for v in volumes if v["State"] == "available"}
        found["addresses"] |= {(*place, a["AllocationId"]) for a in addresses if "AssociationId" not in a}
        used = {m["Ebs"]["SnapshotId"] for i in images for m in i["BlockDeviceMappings"] if "Ebs" in m}
        used |= {v.get("SnapshotId") for v in volumes}
        used |= {
            m.get("Ebs", {}).get("SnapshotId") for t in templates for m in t.get("BlockDeviceMappings", [])
        }
        for snapshot in snapshots:
            managed = any(t["Key"].startswith(("aws:backup:", "aws:dlm:")) for t in snapshot.get("Tags", []))
            if (
                snapshot["State"] == "completed"
                and old(snapshot["StartTime"])
                and snapshot["SnapshotId"] not in used
                and not managed
            ):
                found["snapshots"].add((*place, snapshot["SnapshotId"]))
        used = {i["ImageId"] for i in instances} | {t.get("ImageId") for t in templates}
        used |= {c["ImageId"] for c in configurations}
        used_anywhere |= used
        for image in images:
            made = datetime.datetime.fromisoformat(image["CreationDate"].replace("Z", "+00:00"))
            if old(made) and not image["Public"]:
                found["images"].add((*place, image["ImageId"]))
        for group in ec2.describe_security_groups()["SecurityGroups"]:
            for rule in group["IpPermissions"]:
                world = any(r["CidrIp"] == "0.0.0.0/0" for r in rule["IpRanges"]) or any(
                    r["CidrIpv6"] == "::/0" for r in rule["Ipv6Ranges"]
                )
                every = rule["IpProtocol"] == "-1"
                low, high = rule.get("FromPort", -1), rule.get("ToPort", -1)
                if world and (every or any(low <= port <= high for port in ports)):
                    found["groups"].add((*place, group["GroupId"]))
        cloudwatch = lab.member("cloudwatch", account_name(lab, account), region)
        for nat in nats:
            values = [
                series(cloudwatch, "AWS/NATGateway", name, {"NatGatewayId": nat["NatGatewayId"]}, 30)
                for name in ("BytesOutToDestination", "ActiveConnectionCount", "PacketsInFromDestination")
            ]
            if (
                nat["State"] == "available"
                and old(nat["CreateTime"], 30)
                and all(values)
                and not any(map(sum, values))
            ):
                found["nats"].add((*place, nat["NatGatewayId"]))
        tags("volume", volumes, "VolumeId")
        tags("snapshot", snapshots, "SnapshotId")
        tags("elastic-ip", addresses, "AllocationId")
        tags("natgateway", nats, "NatGatewayId")
        tags("instance", instances, "InstanceId")
        functions = lab.member("lambda", account_name(lab, account), region)
        for function in functions.list_functions()["Functions"]:
            keys = functions.list_tags(Resource=function["FunctionArn"])["Tags"]
            if needed - set(keys):
                found["tags"].add((*place, function["FunctionArn"]))
    same(lab, "find_unused_volumes", found["volumes"])
    same(lab, "find_unused_elastic_ips", found["addresses"])
    same(lab, "find_unused_snapshots", found["snapshots"])
    same(lab, "find_unused_amis", {it for it in found["images"] if it[2] not in used_anywhere})
    same(lab, "find_overly_permissive_security_groups", found["groups"])
    same(lab, "find_unused_nat_gateways", found["nats"])
    same(lab, "find_untagged_resources", found["tags"])


def account_name(lab, account):
    return next(a["name"] for a in lab.world["accounts"] if a["id"] == account)


@check
def world_of_the_rest(lab):
    """Functions, buckets and distributions judged from the API."""
    functions, buckets, distributions = set(), set(), set()
    for place, client in everywhere(lab, "lambda"):
        cloudwatch = lab.member("cloudwatch", account_name(lab, place[0]), place[1])
        for function in client.list_functions()["Functions"]:
            changed = datetime.datetime.strptime(function["LastModified"], "%Y-%m-%dT%H:%M:%S.%f%z")
            name = function["FunctionName"]
            if old(changed) and not series(cloudwatch, "AWS/Lambda", "Invocations", {"FunctionName": name}):
                functions.add((*place, name))
    for account in lab.world["accounts"]:
        if account["state"] != "ACTIVE":
            continue
        for bucket in lab.member("s3", account["name"]).list_buckets(MaxBuckets=100)["Buckets"]:
            region, name = bucket["BucketRegion"], bucket["Name"]
            s3, cloudwatch = (lab.member(s, account["name"], region) for s in ("s3", "cloudwatch"))
            versions = s3.list_object_versions(Bucket=name)
            empty = not versions.get("Versions") and not versions.get("DeleteMarkers")
            configured = s3.list_bucket_metrics_configurations(Bucket=name).get(
                "MetricsConfigurationList", []
            )
            dimensions = {"BucketName": name, "FilterId": "EntireBucket"}
            idle = configured and sum(series(cloudwatch, "AWS/S3", "AllRequests", dimensions)) == 0
            if old(bucket["CreationDate"]) and (empty or idle):
                buckets.add((account["id"], region, name))
            counted = series(
                cloudwatch,
                "AWS/S3",
                "NumberOfObjects",
                {"BucketName": name, "StorageType": "AllStorageTypes"},
                7,
            )
            assert not counted or (counted[0] == 0) == empty, name
        listed = lab.member("cloudfront", account["name"]).list_distributions()["DistributionList"]
        cloudwatch = lab.member("cloudwatch", account["name"])
        for item in listed.get("Items", []):
            dimensions = {"DistributionId": item["Id"], "Region": "Global"}
            if old(item["LastModifiedTime"]) and not series(
                cloudwatch, "AWS/CloudFront", "Requests", dimensions
            ):
                distributions.add((account["id"], "global", item["Id"]))
    same(lab, "find_unused_lambda_functions", functions)
    same(lab, "find_unused_s3_buckets", buckets)
    same(lab, "find_unused_cloudfront_distributions", distributions)
    rows = {(r["tool"], r["account_id"], r["region"], r["resource_id"]) for r in lab.world["planted"]}
    fine = {(r["tool"], r["account_id"], r["region"], r["resource_id"]) for r in lab.world["healthy"]}
    assert not rows & fine and len(rows) == len(lab.world["planted"])


def main():
    with tempfile.TemporaryDirectory() as folder:
        world = os.path.join(folder, "world.json")
        started = time.time()
        server = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "server.py"), "--world", world, "--exit-on-stdin-close"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = server.stdout.readline()
        assert line.startswith("ready http://127.0.0.1:"), line
        print(f"started in {time.time() - started:.1f} s")
        with open(world) as file:
            lab = Lab(line.split()[1], json.load(file))
        failures = 0
        for function in CHECKS:
            if len(sys.argv) > 1 and function.__name__ not in sys.argv[1:]:
                continue
            began = time.time()
            try:
                function(lab)
                print(f"ok   {function.__name__} ({time.time() - began:.1f} s)")
            except Exception:
                failures += 1
                print(f"FAIL {function.__name__}")
                traceback.print_exc()
        server.stdin.close()
        assert server.wait(5) == 0, "the server did not end with its parent"
    print("all good" if not failures else f"{failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
