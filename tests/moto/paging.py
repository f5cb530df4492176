"""Pages.

AWS cuts its lists into pages and moto mostly does not.  The front asks moto for
everything and cuts here.  `TABLE` says per operation what the request calls the
token and the limit, and where the answer keeps the list.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass

import errors
from wire import ApiError, Reply

_SECRET = secrets.token_bytes(16)


@dataclass(frozen=True)
class Rule:
    """How one operation pages.  `items` is the path of the list in the answer."""

    token_in: str
    limit_in: str
    items: str
    token_out: str
    default: int = 1000
    most: int = 1000
    fetch: tuple = ()  # parameters that make moto answer the whole list


def _ec2(items, **more):
    return Rule("NextToken", "MaxResults", items, "nextToken", **more)


def _autoscaling(items, fetch):
    path = f"*/{items}"
    return Rule("NextToken", "MaxRecords", path, "NextToken", default=50, most=100, fetch=fetch)


def _load_balancing(items, fetch=(("PageSize", "1000"),)):
    return Rule("Marker", "PageSize", f"*/{items}", "NextMarker", default=400, most=400, fetch=fetch)


def _ecr(items):
    return Rule("nextToken", "maxResults", items, "nextToken", default=100, most=1000)


def _ecs(items, default=100):
    return Rule("nextToken", "maxResults", items, "nextToken", default=default, most=100)


def _events(items):
    return Rule("NextToken", "Limit", items, "NextToken", default=100, most=100)


_ALL = (("MaxResults", "1000"),)
_TEMPLATES = (("MaxResults", "100000"),)

TABLE = {
    "organizations:ListAccounts": Rule(
        "NextToken", "MaxResults", "Accounts", "NextToken", default=20, most=20
    ),
    "organizations:ListOrganizationalUnitsForParent": Rule(
        "NextToken", "MaxResults", "OrganizationalUnits", "NextToken", default=20, most=20
    ),
    "organizations:ListRoots": Rule("NextToken", "MaxResults", "Roots", "NextToken", default=20, most=20),
    "organizations:ListAccountsForParent": Rule(
        "NextToken", "MaxResults", "Accounts", "NextToken", default=20, most=20
    ),
    "ec2:DescribeVolumes": _ec2("volumeSet"),
    "ec2:DescribeSnapshots": _ec2("snapshotSet"),
    "ec2:DescribeImages": _ec2("imagesSet"),
    "ec2:DescribeInstances": _ec2("reservationSet", fetch=_ALL),
    "ec2:DescribeLaunchTemplates": _ec2("launchTemplates", default=200, most=200, fetch=_TEMPLATES),
    "ec2:DescribeLaunchTemplateVersions": _ec2(
        "launchTemplateVersionSet", default=200, most=200, fetch=_TEMPLATES
    ),
    "ec2:DescribeSpotFleetRequests": _ec2("spotFleetRequestConfigSet"),
    "ec2:DescribeFleets": _ec2("fleetSet"),
    "ec2:DescribeSpotInstanceRequests": _ec2("spotInstanceRequestSet"),
    "ec2:DescribeSecurityGroups": _ec2("securityGroupInfo"),
    "ec2:DescribeSecurityGroupRules": _ec2("securityGroupRuleSet"),
    "ec2:DescribeNetworkInterfaces": _ec2("networkInterfaceSet"),
    "ec2:DescribeNatGateways": _ec2("natGatewaySet"),
    "ec2:DescribeRouteTables": _ec2("routeTableSet"),
    "ec2:DescribeInternetGateways": _ec2("internetGatewaySet"),
    "ec2:DescribeVpcEndpoints": _ec2("vpcEndpointSet"),
    "ec2:DescribeVpcs": _ec2("vpcSet"),
    "ec2:DescribeFastSnapshotRestores": _ec2("fastSnapshotRestoreSet"),
    "autoscaling:DescribeAutoScalingGroups": _autoscaling("AutoScalingGroups", (("MaxRecords", "100"),)),
    "autoscaling:DescribeLaunchConfigurations": _autoscaling(
        "LaunchConfigurations", (("MaxRecords", "1000"),)
    ),
    "elb:DescribeLoadBalancers": _load_balancing("LoadBalancerDescriptions"),
    "elbv2:DescribeLoadBalancers": _load_balancing("LoadBalancers"),
    "elbv2:DescribeTargetGroups": _load_balancing("TargetGroups"),
    "ecr:DescribeRepositories": _ecr("repositories"),
    "ecr:DescribeImages": _ecr("imageDetails"),
    "ecs:ListClusters": _ecs("clusterArns"),
    "ecs:ListServices": _ecs("serviceArns", default=10),
    "ecs:ListTasks": _ecs("taskArns"),
    "ecs:ListTaskDefinitions": _ecs("taskDefinitionArns"),
    "lambda:ListFunctions": Rule("Marker", "MaxItems", "Functions", "NextMarker", default=50, most=50),
    "lambda:ListEventSourceMappings": Rule(
        "Marker", "MaxItems", "EventSourceMappings", "NextMarker", default=100, most=100
    ),
    "lambda:ListProvisionedConcurrencyConfigs": Rule(
        "Marker", "MaxItems", "ProvisionedConcurrencyConfigs", "NextMarker", default=50, most=50
    ),
    "logs:DescribeLogGroups": Rule("nextToken", "limit", "logGroups", "nextToken", default=50, most=50),
    "logs:DescribeLogStreams": Rule("nextToken", "limit", "logStreams", "nextToken", default=50, most=50),
    "s3:ListBuckets": Rule(
        "continuation-token", "max-buckets", "Buckets", "ContinuationToken", default=10000, most=10000
    ),
    "cloudfront:ListDistributions": Rule("Marker", "MaxItems", "Items", "NextMarker", default=100, most=100),
    "route53:ListHostedZones": Rule("marker", "maxitems", "HostedZones", "NextMarker", default=100, most=100),
    "sqs:ListQueues": Rule("NextToken", "MaxResults", "QueueUrls", "NextToken"),
    "sqs:ListDeadLetterSourceQueues": Rule("NextToken", "MaxResults", "queueUrls", "NextToken"),
    "sns:ListTopics": Rule("NextToken", "-", "*/Topics", "NextToken", default=100, most=100),
    "events:ListEventBuses": _events("EventBuses"),
    "events:ListRules": _events("Rules"),
    "events:ListRuleNamesByTarget": _events("RuleNames"),
    "events:ListTargetsByRule": _events("Targets"),
    "tag:GetResources": Rule(
        "PaginationToken",
        "ResourcesPerPage",
        "ResourceTagMappingList",
        "PaginationToken",
        default=50,
        most=100,
    ),
    "cloudwatch:GetMetricData": Rule(
        "NextToken", "MaxResults", "MetricDataResults", "NextToken", default=500, most=500
    ),
    "cloudwatch:ListMetrics": Rule("NextToken", "MaxResults", "Metrics", "NextToken", default=500, most=500),
    "cloudwatch:DescribeAlarms": Rule(
        "NextToken", "MaxRecords", "MetricAlarms", "NextToken", default=50, most=100
    ),
    "cost-optimization-hub:ListRecommendations": Rule(
        "nextToken", "maxResults", "items", "nextToken", default=100, most=1000
    ),
    "cost-optimization-hub:ListEnrollmentStatuses": Rule(
        "nextToken", "maxResults", "items", "nextToken", default=100, most=1000
    ),
    "cloudformation:ListStackInstances": Rule(
        "NextToken", "MaxResults", "*/Summaries", "NextToken", default=100, most=100
    ),
    "config:DescribeConfigurationAggregators": Rule(
        "NextToken", "Limit", "ConfigurationAggregators", "NextToken", default=100, most=100
    ),
    "iam:ListRoleTags": Rule("Marker", "MaxItems", "*/Tags", "Marker", default=100, most=1000),
    "account:ListRegions": Rule("NextToken", "MaxResults", "Regions", "NextToken", default=50, most=50),
    # Cost Explorer has no size parameter: the front pages its groups itself.
    "ce:GetCostAndUsage": Rule("NextPageToken", "-", "rows", "NextPageToken", default=100, most=100),
}


@dataclass
class Page:
    """One page's place in a list."""

    start: int
    size: int
    empty: bool
    digest: str


def _digest(call, rule):
    """A token is good only for the same list asked in the same way."""
    asked = {k: v for k, v in call.params.items() if k not in (rule.token_in, rule.limit_in)}
    text = json.dumps([call.account, call.region, call.key, call.path, asked], default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _seal(page):
    text = json.dumps([page.start, page.size, page.empty, page.digest]).encode()
    mark = hmac.new(_SECRET, text, "sha256").digest()[:8]
    return base64.urlsafe_b64encode(mark + text).decode()


def _open(token):
    raw = base64.urlsafe_b64decode(token.encode())
    mark, text = raw[:8], raw[8:]
    if not hmac.compare_digest(mark, hmac.new(_SECRET, text, "sha256").digest()[:8]):
        raise ValueError("forged")
    return Page(*json.loads(text))


def read_page(call, rule):
    """Which page the call asks for: from its token, or the first one."""
    digest = _digest(call, rule)
    if call.params.get("ResourceARNList"):  # those of some resources come in one piece
        if {rule.token_in, rule.limit_in} & call.params.keys():
            raise ApiError("InvalidParameterException", "no pages of a list of resources")
        return Page(0, sys.maxsize, False, digest)
    size = rule.default
    asked = call.params.get(rule.limit_in)
    if asked not in (None, ""):
        size = int(asked)
        strict = call.service in ("organizations", "account", "tag")  # the others take less silently
        if size < 1 or (strict and size > rule.most):
            codes = {
                "organizations": "InvalidInputException",
                "tag": "InvalidParameterException",
                "ec2": "InvalidParameterValue",
            }
            text = f"{rule.limit_in} must be between 1 and {rule.most}"
            raise ApiError(codes.get(call.service, "ValidationException"), text)
        size = min(size, rule.most)
    if call.profile.faults.get("page_size"):
        size = min(size, int(call.profile.faults["page_size"]))
    token = call.params.get(rule.token_in)
    if not token:
        return Page(0, size, False, digest)
    try:
        page = _open(token)
    except Exception:
        raise errors.invalid_page_token(call) from None
    if page.digest != digest:
        raise errors.invalid_page_token(call)
    return Page(page.start, size, page.empty, digest)


def cut(call, page, items):
    """The page's items and the next token (`None` at the end).

    With the `empty_pages` fault, an empty page that has a token stands between
    any two pages: AWS documents that this may happen.
    """
    if page.empty:
        return [], _seal(Page(page.start, page.size, False, page.digest))
    stop = page.start + page.size
    part = items[page.start : stop]
    if stop >= len(items):
        return part, None
    empty = bool(call.profile.faults.get("empty_pages"))
    return part, _seal(Page(stop, page.size, empty, page.digest))


def cut_json(call, rule, page, answer):
    """Cuts the list inside a JSON answer."""
    answer[rule.items], token = cut(call, page, answer.get(rule.items) or [])
    answer.pop(rule.token_out, None)
    if token:
        answer[rule.token_out] = token
    elif call.service == "tag":
        answer[rule.token_out] = ""  # GetResources ends with an empty token
    return answer


def parse_xml(body):
    """Parses a moto answer; its one namespace is set aside and put back by `write_xml`."""
    found = re.search(rb'\sxmlns="([^"]*)"', body)
    namespace = found.group(1).decode() if found else None
    if found:
        body = body.replace(found.group(0), b"", 1)
    return ET.fromstring(body), namespace


def write_xml(root, namespace):
    if namespace:
        root.set("xmlns", namespace)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="utf-8")


def _set_text(parent, tag, text):
    for old in parent.findall(tag):
        parent.remove(old)
    if text is not None:
        ET.SubElement(parent, tag).text = text


def cut_xml(call, rule, page, body):
    """Cuts the list inside an XML answer (EC2, Auto Scaling, S3, CloudFront, Route 53)."""
    root, namespace = parse_xml(body)
    holder = root
    path = rule.items.split("/")
    if path[0] == "*":
        holder = next(child for child in root if child.tag.endswith("Result"))
    container = holder.find(path[-1])
    if container is None:
        container = ET.SubElement(holder, path[-1])
    part, token = cut(call, page, list(container))
    for item in list(container):
        container.remove(item)
    container.extend(part)
    _set_text(holder, rule.token_out, token)
    if call.service == "iam":
        _set_text(holder, "IsTruncated", "true" if token else "false")
    if call.service == "cloudfront":
        _set_text(holder, "IsTruncated", "true" if token else "false")
        _set_text(holder, "Quantity", str(len(part)))
        _set_text(holder, "MaxItems", str(page.size))
        _set_text(holder, "Marker", call.params.get("Marker", ""))
    if call.service == "route53":
        _set_text(holder, "IsTruncated", "true" if token else "false")
        _set_text(holder, "MaxItems", str(page.size))
        _set_text(holder, "Marker", call.params.get("marker"))
    return write_xml(root, namespace)


def cut_reply(call, rule, page, reply):
    """Cuts a successful answer of moto."""
    if call.protocol in ("json", "rest-json"):
        body = json.dumps(cut_json(call, rule, page, json.loads(reply.body or b"{}"))).encode()
    else:
        body = cut_xml(call, rule, page, reply.body)
    return Reply(reply.status, reply.headers, body)
