"""The operations that the front answers itself, because moto lacks them or is too lax."""

import datetime
import json
import re
import secrets
import string
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

import cloudwatch
import costs
import errors
import paging
from state import OTHER_REGIONS, listed
from wire import ApiError, Reply, result_reply, xml_reply

ROLE_ARN = re.compile(r"^arn:aws:iam::(\d{12}):role/(.+)$")


def paged(call, answer):
    """Cuts a JSON or CBOR answer into pages and writes it."""
    rule = paging.TABLE[call.key]
    page = paging.read_page(call, rule)
    return result_reply(call, paging.cut_json(call, rule, page, answer))


# --- sts -------------------------------------------------------------------


def get_caller_identity(front, call):
    user = f"AROAFRONT{call.account}:{call.arn.rsplit('/', 1)[-1]}"
    return xml_reply(
        call, f"<Arn>{escape(call.arn)}</Arn><UserId>{escape(user)}</UserId><Account>{call.account}</Account>"
    )


def _invalid_sts(text):
    return ApiError("ValidationError", text, 400)


def assume_role(front, call):
    """AssumeRole as IAM judges it; moto would hand out credentials for anything."""
    arn, session = call.params.get("RoleArn", ""), call.params.get("RoleSessionName", "")
    parts = ROLE_ARN.match(arn)
    if not parts:
        raise _invalid_sts(f"{arn} is invalid")
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", session, re.ASCII):
        raise _invalid_sts(
            f"1 validation error detected: Value '{session}' at 'roleSessionName' failed to satisfy constraint"
        )
    external_id = call.params.get("ExternalId")
    if external_id is not None and not re.fullmatch(r"[\w+=,.@:/-]{2,1224}", external_id, re.ASCII):
        raise _invalid_sts("1 validation error detected: Value at 'externalId' failed to satisfy constraint")
    seconds = int(call.params.get("DurationSeconds", 3600))
    if seconds < 900:
        raise _invalid_sts("1 validation error detected: Value at 'durationSeconds' must be at least 900")
    if seconds > 3600:
        raise _invalid_sts(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    account, role = parts.groups()
    faults, state = call.profile.faults, front.state
    member = state.accounts.get(account)
    external_ids = faults.get("external_id", {})
    wanted = external_ids.get(account, external_ids.get("*"))
    allowed = (
        call.account == state.management  # members may not chain
        and account != state.management  # StackSets do not put the role there
        and member is not None
        and member.state == "ACTIVE"
        and role == state.roles[account].name
        and state.roles[account].trusts(role_of(call.arn), external_id)
        and not {account, "*"} & set(faults.get("role_missing", []))
        and (wanted is None or wanted == external_id)
    )
    if not allowed:
        raise errors.denied(call, "", action="sts:AssumeRole", resource=arn)
    credential = front.issue(
        call.profile,
        account,
        f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        seconds,
        session_actions(call.params.get("Policy")),
    )
    expiration = datetime.datetime.fromtimestamp(credential.expires, datetime.timezone.utc)
    return xml_reply(
        call,
        f"<Credentials><AccessKeyId>{credential.access_key}</AccessKeyId>"
        f"<SecretAccessKey>{credential.secret}</SecretAccessKey>"
        f"<SessionToken>{credential.token}</SessionToken>"
        f"<Expiration>{expiration:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
        f"<AssumedRoleUser><Arn>{credential.arn}</Arn>"
        f"<AssumedRoleId>AROAFRONT{account}:{session}</AssumedRoleId></AssumedRoleUser>"
        "<PackedPolicySize>6</PackedPolicySize>",
    )


def role_of(arn):
    """The ARN of the role of a session."""
    parts = re.fullmatch(r"arn:aws:sts::(\d{12}):assumed-role/([^/]+)/[^/]+", arn)
    return f"arn:aws:iam::{parts.group(1)}:role/{parts.group(2)}" if parts else None


def session_actions(policy):
    """The actions that a session policy leaves; `None` where there is none."""
    if policy is None:
        return None
    if len(policy) > 2048:
        raise _invalid_sts("1 validation error detected: Value at 'policy' failed to satisfy constraint")
    statements = listed(json.loads(policy)["Statement"])
    return {action for it in statements for action in listed(it["Action"])}


def random_key(length):
    return "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(length))


# --- the StackSet ----------------------------------------------------------


def change_stacks(call, reply):
    """Lets the stacks of some accounts be missing, or stand as the fault says: (status, detailed status, reason)."""
    root, namespace = paging.parse_xml(reply.body)
    summaries = root.find("*/Summaries")
    for account, stand in call.profile.faults.get("stack_set", {}).items():
        for it in [it for it in summaries if it.findtext("Account") == account]:
            if stand is None:
                summaries.remove(it)
                continue
            status, detailed, reason = stand
            for tag, text in (("Status", status), ("StatusReason", reason)):
                for old in it.findall(tag):
                    it.remove(old)
                ET.SubElement(it, tag).text = text
            for old in it.findall("StackInstanceStatus"):
                it.remove(old)
            ET.SubElement(ET.SubElement(it, "StackInstanceStatus"), "DetailedStatus").text = detailed
    return Reply(reply.status, reply.headers, paging.write_xml(root, namespace))


def change_tags(call, reply):
    """Lets the role of an account carry another version of its template, or none."""
    table = call.profile.faults.get("template_version", {})
    if call.account not in table:
        return reply
    root, namespace = paging.parse_xml(reply.body)
    tags = root.find("*/Tags")
    for it in [it for it in tags if it.findtext("Key") == "orgscan:template-version"]:
        if table[call.account] is None:
            tags.remove(it)
        else:
            it.find("Value").text = table[call.account]
    return Reply(reply.status, reply.headers, paging.write_xml(root, namespace))


# --- account and regions ---------------------------------------------------


def list_regions(front, call):
    """account:ListRegions, which moto lacks."""
    if call.profile.faults.get("list_regions_denied"):
        raise errors.denied_by_role(call)
    enabled = front.enabled_regions(call)
    everything = sorted([*front.state.regions, *OTHER_REGIONS])
    regions = [
        {"RegionName": region, "RegionOptStatus": "ENABLED_BY_DEFAULT" if region in enabled else "DISABLED"}
        for region in everything
    ]
    wanted = call.params.get("RegionOptStatusContains")
    if wanted:
        regions = [r for r in regions if r["RegionOptStatus"] in wanted]
    return paged(call, {"Regions": regions})


def describe_regions(front, call):
    """ec2:DescribeRegions: the enabled ones; with AllRegions also those not opted in."""
    enabled = front.enabled_regions(call)
    rows = [(region, "opt-in-not-required") for region in enabled]
    if call.params.get("AllRegions", "").lower() == "true":
        others = [*front.state.regions, *OTHER_REGIONS]
        rows += [(region, "not-opted-in") for region in others if region not in enabled]
    names = call.form_list("RegionName")
    if names:
        rows = [row for row in rows if row[0] in names]
    if call.params.get("Filter.1.Name") == "opt-in-status":
        values = call.form_list("Filter.1.Value")
        rows = [row for row in rows if row[1] in values]
    items = "".join(
        f"<item><optInStatus>{status}</optInStatus><regionName>{region}</regionName>"
        f"<regionEndpoint>ec2.{region}.amazonaws.com</regionEndpoint></item>"
        for region, status in sorted(rows)
    )
    return xml_reply(call, f"<regionInfo>{items}</regionInfo>")


def describe_fast_snapshot_restores(front, call):
    """moto has no answer; the world has no fast restores."""
    return xml_reply(call, "<fastSnapshotRestoreSet/>")


def drop_empty_instance_ids(reply):
    """moto writes an empty instance id for an address that has none; AWS leaves it out."""
    return Reply(
        reply.status, reply.headers, re.sub(rb"<instanceId\s*/>|<instanceId></instanceId>", b"", reply.body)
    )


def tagged_addresses(call):
    """Tagged Elastic IPs for GetResources: moto's list lacks them."""
    from moto.ec2.models import ec2_backends

    kinds = call.params.get("ResourceTypeFilters") or ["ec2"]
    if not {"ec2", "ec2:elastic-ip"} & set(kinds):
        return []
    found = []
    for address in ec2_backends[call.account][call.region].addresses:
        tags = {tag["key"]: tag["value"] for tag in address.get_tags()}
        wanted = call.params.get("TagFilters") or []
        if not tags or not all(
            f["Key"] in tags and (not f.get("Values") or tags[f["Key"]] in f["Values"]) for f in wanted
        ):
            continue
        arn = f"arn:aws:ec2:{call.region}:{call.account}:elastic-ip/{address.allocation_id}"
        found.append({"ResourceARN": arn, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]})
    return found


# --- organizations ---------------------------------------------------------


def check_organizations(front, call):
    """Who may call Organizations: moto lets anybody and answers members with nothing."""
    faults = call.profile.faults
    if faults.get("no_organization"):
        text = "Your account is not a member of an organization."
        raise ApiError("AWSOrganizationsNotInUseException", text, 400)
    from_member = call.account != front.state.management and call.operation != "DescribeOrganization"
    if faults.get("organizations_denied") or from_member:
        text = "You don't have permissions to access this resource."
        raise ApiError("AccessDeniedException", text, 400)


def add_paths(front, reply):
    """Adds the fields that moto's accounts and OUs lack: State, Paths, Path; it calls the payer "master"."""
    answer = json.loads(reply.body)
    for row in answer.get("Accounts", []):
        account = front.state.accounts[row["Id"]]
        row["State"] = row["Status"] = account.state
        row["Paths"] = [account.path]
        row["Name"] = account.name
    for row in answer.get("OrganizationalUnits", []):
        row["Path"] = front.state.ou_paths[row["Id"]]
    return Reply(reply.status, reply.headers, json.dumps(answer).encode())


# --- s3 --------------------------------------------------------------------


def check_bucket_region(front, call):
    """S3 redirects a request that went to another region than the bucket's."""
    bucket = call.params.get("Bucket")
    region = front.state.bucket_regions.get(bucket)
    if region and region != call.region and call.operation != "GetBucketLocation":
        text = (
            "The bucket you are attempting to access must be addressed using the specified endpoint. "
            "Please send all future requests to this endpoint."
        )
        error = ApiError("PermanentRedirect", text, 301)
        error.extra = {"Bucket": bucket, "Endpoint": f"{bucket}.s3.{region}.amazonaws.com"}
        error.headers = [("x-amz-bucket-region", region)]
        raise error


def add_bucket_regions(front, call, reply):
    """ListBuckets names each bucket's region only when some parameter was given, as AWS does."""
    asked = [
        name
        for name in ("max-buckets", "prefix", "bucket-region", "continuation-token")
        if name in call.params
    ]
    root, namespace = paging.parse_xml(reply.body)
    buckets = root.find("Buckets")
    for bucket in list(buckets if buckets is not None else []):
        name = bucket.findtext("Name")
        region = front.state.bucket_regions.get(name, "us-east-1")
        wanted = call.params.get("bucket-region") or region
        if region != wanted or not name.startswith(call.params.get("prefix", "")):
            buckets.remove(bucket)
        elif asked and bucket.find("BucketRegion") is None:
            paging._set_text(bucket, "BucketRegion", region)
        elif not asked:
            paging._set_text(bucket, "BucketRegion", None)
    return Reply(reply.status, reply.headers, paging.write_xml(root, namespace))


S3_XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<{0} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{1}</{0}>'
)


def _owned_bucket(front, call):
    bucket = call.params.get("Bucket")
    if front.bucket_owner(bucket) != call.account:
        if front.bucket_owner(bucket):
            raise errors.denied(call, "")
        error = ApiError("NoSuchBucket", "The specified bucket does not exist", 404)
        error.extra = {"BucketName": bucket or ""}
        raise error
    return bucket


def get_bucket_metrics_configuration(front, call):
    bucket = _owned_bucket(front, call)
    name = call.params.get("id", "")
    if name not in front.state.metrics_configurations.get(bucket, []):
        raise ApiError("NoSuchConfiguration", "The specified configuration does not exist.", 404)
    body = S3_XML.format("MetricsConfiguration", f"<Id>{escape(name)}</Id>")
    return Reply(200, [("Content-Type", "application/xml")], body.encode())


def list_bucket_metrics_configurations(front, call):
    names = front.state.metrics_configurations.get(_owned_bucket(front, call), [])
    rows = "".join(f"<MetricsConfiguration><Id>{escape(n)}</Id></MetricsConfiguration>" for n in names)
    body = S3_XML.format("ListMetricsConfigurationsResult", f"<IsTruncated>false</IsTruncated>{rows}")
    return Reply(200, [("Content-Type", "application/xml")], body.encode())


# --- lambda ----------------------------------------------------------------


def write_lambda_times(reply):
    """Lambda writes times as 2026-05-06T22:44:24.000+0000; moto has nanoseconds and a Z."""
    body = re.sub(rb'("LastModified": ?"[^"]*?\.\d{3})\d{6}Z"', rb'\1+0000"', reply.body)
    return Reply(reply.status, reply.headers, body)


def list_provisioned_concurrency(front, call):
    """lambda:ListProvisionedConcurrencyConfigs, which moto lacks."""
    name = call.params.get("FunctionName", "").split(":")[-1]
    configs = front.state.provisioned.get((call.account, call.region, name), [])
    return paged(call, {"ProvisionedConcurrencyConfigs": configs})


# --- logs ------------------------------------------------------------------


def complete_log_groups(front, call, reply):
    """Class, protection and size of log groups, of which moto knows nothing or next to nothing."""
    answer = json.loads(reply.body)
    for group in answer["logGroups"]:
        group.update(logGroupClass="STANDARD", deletionProtectionEnabled=False)
        group.update(front.state.log_groups.get((call.account, call.region, group["logGroupName"]), {}))
    return Reply(reply.status, reply.headers, json.dumps(answer).encode())


# --- sqs -------------------------------------------------------------------


def all_attributes(call):
    """The request for all attributes of a queue: moto refuses those that it does not have."""
    return json.dumps({**call.params, "AttributeNames": ["All"]}).encode()


def complete_queue_attributes(front, call, reply):
    """Times are whole seconds, which moto's are not; some attributes it does not have."""
    answer = json.loads(reply.body)
    queue = call.params["QueueUrl"].rsplit("/", 1)[-1]
    attributes = answer.get("Attributes", {}) | front.state.queues.get((call.account, call.region, queue), {})
    for name, value in attributes.items():
        if name.endswith("Timestamp"):
            attributes[name] = str(int(float(value)))
    wanted = call.params.get("AttributeNames") or []
    answer["Attributes"] = {k: v for k, v in attributes.items() if k in wanted or "All" in wanted}
    return Reply(reply.status, reply.headers, json.dumps(answer).encode())


# --- cost ------------------------------------------------------------------


def get_cost_and_usage(front, call):
    rows = costs.cost_rows(front.state, call)
    page = paging.read_page(call, paging.TABLE[call.key])
    part, token = paging.cut(call, page, rows)
    answer = costs.cost_answer(front.state, call, part)
    if token:
        answer["NextPageToken"] = token
    return result_reply(call, answer)


ANSWERS = {
    "sts:GetCallerIdentity": get_caller_identity,
    "sts:AssumeRole": assume_role,
    "account:ListRegions": list_regions,
    "ec2:DescribeRegions": describe_regions,
    "ec2:DescribeFastSnapshotRestores": describe_fast_snapshot_restores,
    "s3:GetBucketMetricsConfiguration": get_bucket_metrics_configuration,
    "s3:ListBucketMetricsConfigurations": list_bucket_metrics_configurations,
    "lambda:ListProvisionedConcurrencyConfigs": list_provisioned_concurrency,
    "cloudwatch:GetMetricData": lambda f, c: paged(c, cloudwatch.get_metric_data(f.state, c)),
    "cloudwatch:ListMetrics": lambda f, c: paged(c, cloudwatch.list_metrics(f.state, c)),
    "cloudwatch:DescribeAlarms": lambda f, c: paged(c, cloudwatch.describe_alarms(f.state, c)),
    "ce:GetCostAndUsage": get_cost_and_usage,
    "compute-optimizer:GetEnrollmentStatus": lambda f, c: result_reply(c, costs.enrollment_status(c)),
    "cost-optimization-hub:ListEnrollmentStatuses": lambda f, c: paged(
        c, costs.list_enrollment_statuses(f.state, c)
    ),
    "cost-optimization-hub:ListRecommendations": lambda f, c: paged(
        c, costs.list_recommendations(f.state, c)
    ),
}
