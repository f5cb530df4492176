"""What an AWS request is, read from the wire, and how an AWS error is written back.

Each service speaks its own protocol, so the same refusal looks different for
EC2 (XML), S3 (other XML), Organizations (JSON 1.1), Lambda (REST-JSON) and
CloudWatch (CBOR).  `Call` reads a request, `error_reply` writes an error.
"""

import datetime
import io
import json
import re
import uuid
from dataclasses import dataclass, field
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import cbor2

# Signing name -> the name used in IAM actions, fault keys and the call log.
NAMES = {"monitoring": "cloudwatch", "tagging": "tag", "elasticloadbalancing": "elbv2"}

# Signing name -> protocol; others are guessed from the request's form.
PROTOCOLS = {
    "ec2": "ec2",
    "s3": "s3",
    "sts": "query",
    "iam": "query",
    "cloudformation": "query",
    "autoscaling": "query",
    "sns": "query",
    "cloudfront": "rest-xml",
    "route53": "rest-xml",
    "lambda": "rest-json",
    "account": "rest-json",
}

# The older API of load balancers signs as the newer one does; its forms have this version.
CLASSIC_LOAD_BALANCING = "2012-06-01"

# The IAM action, where it is not the operation's name.
IAM_ACTIONS = {
    "elb:DescribeLoadBalancers": "elasticloadbalancing:DescribeLoadBalancers",
    "elbv2:DescribeLoadBalancers": "elasticloadbalancing:DescribeLoadBalancers",
    "elbv2:DescribeTargetGroups": "elasticloadbalancing:DescribeTargetGroups",
    "elbv2:DescribeTargetHealth": "elasticloadbalancing:DescribeTargetHealth",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:GetBucketLifecycle": "s3:GetLifecycleConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetBucketMetricsConfiguration": "s3:GetMetricsConfiguration",
    "s3:ListBucketMetricsConfigurations": "s3:GetMetricsConfiguration",
}

XML_NAMESPACES = {
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "autoscaling": "http://autoscaling.amazonaws.com/doc/2011-01-01/",
    "cloudfront": "http://cloudfront.amazonaws.com/doc/2020-05-31/",
    "route53": "https://route53.amazonaws.com/doc/2013-04-01/",
    "sns": "http://sns.amazonaws.com/doc/2010-03-31/",
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "cloudformation": "http://cloudformation.amazonaws.com/doc/2010-05-15/",
}

CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/([^/]+)/aws4_request")
CBOR_PATH = re.compile(r"^/service/([^/]+)/operation/([^/]+)$")


class ApiError(Exception):
    """An error answer: AWS's code, its message and the HTTP status."""

    def __init__(self, code, message, status=400, extra=None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.extra = extra or {}
        self.headers = []


@dataclass
class Reply:
    """An HTTP answer on its way to the client."""

    status: int
    headers: list
    body: bytes
    error: str | None = None


@dataclass
class Call:
    """One AWS request: who asks, which service and region, which operation."""

    environ: dict
    method: str
    path: str
    query: dict
    body: bytes
    access_key: str
    region: str
    signing_name: str
    protocol: str
    operation: str
    params: dict = field(default_factory=dict)
    account: str = ""
    arn: str = ""
    profile: object = None

    @property
    def service(self):
        if self.signing_name == "elasticloadbalancing" and self.params.get("Version") == CLASSIC_LOAD_BALANCING:
            return "elb"
        return NAMES.get(self.signing_name, self.signing_name)

    @property
    def key(self):
        """`ec2:DescribeVolumes`, the form used in fault lists."""
        return f"{self.service}:{self.operation}"

    @property
    def iam_action(self):
        return IAM_ACTIONS.get(self.key, self.key)

    @property
    def json_version(self):
        return self.environ.get("CONTENT_TYPE") or "application/x-amz-json-1.1"

    def form_list(self, name):
        """The values of `Name.1`, `Name.2`, ... of a query-protocol form."""
        values = []
        while f"{name}.{len(values) + 1}" in self.params:
            values.append(self.params[f"{name}.{len(values) + 1}"])
        return values


def read_body(environ):
    """The whole request body; bodies without a length are not sent by AWS SDKs here."""
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        return environ["wsgi.input"].read()
    length = environ.get("CONTENT_LENGTH")
    return environ["wsgi.input"].read(int(length)) if length else b""


def read_call(environ):
    """Reads the request; `None` when it carries no SigV4 credential scope."""
    scope = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    body = read_body(environ)
    environ["wsgi.input"] = io.BytesIO(body)
    if scope is None:
        return None
    access_key, region, signing_name = scope.groups()
    path = environ.get("PATH_INFO", "/")
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    call = Call(
        environ=environ,
        method=environ["REQUEST_METHOD"],
        path=path,
        query=query,
        body=body,
        access_key=access_key,
        region=region,
        signing_name=signing_name.lower(),
        protocol="",
        operation="",
    )
    _read_operation(call)
    return call


def _read_operation(call):
    """Finds protocol, operation and parameters."""
    target = call.environ.get("HTTP_X_AMZ_TARGET")
    cbor = CBOR_PATH.match(call.path)
    if cbor:
        call.protocol = "cbor"
        call.operation = cbor.group(2)
        call.params = cbor2.loads(call.body) if call.body else {}
        return
    if target:
        call.protocol = "json"
        call.operation = target.split(".")[-1]
        call.params = json.loads(call.body or b"{}")
        return
    call.protocol = PROTOCOLS.get(call.signing_name, "")
    if call.protocol in ("ec2", "query", ""):
        form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
        form = {**call.query, **form}
        if "Action" in form:
            call.protocol = call.protocol or "query"
            call.operation = form["Action"]
            call.params = form
            return
    call.protocol = call.protocol or "rest-json"
    call.operation, labels = _rest_operation(call)
    call.params = {**call.query, **labels}
    if call.protocol == "rest-json" and call.body:
        call.params.update(json.loads(call.body))


def _rest_operation(call):
    """The operation of a REST request, by botocore's service model (through moto's router)."""
    from moto.core.request import Request
    from moto.core.routing import get_service_router

    try:
        environ = dict(call.environ, **{"wsgi.input": io.BytesIO(call.body)})
        operation, labels = get_service_router(call.signing_name).match(Request(environ))
        return operation.name, dict(labels)
    except Exception:  # unknown service or path: AWS does not know the action
        return "Unknown", {}


def json_default(value):
    """JSON protocols write timestamps as epoch numbers."""
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    raise TypeError(f"cannot write {value!r}")


def result_reply(call, result):
    """Writes the result of an operation that the front answers, for the JSON and CBOR protocols."""
    if call.protocol == "cbor":
        body = cbor2.dumps(result, datetime_as_timestamp=True, timezone=datetime.timezone.utc)
        headers = [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
        return Reply(200, headers, body)
    kind = "application/json" if call.protocol == "rest-json" else call.json_version
    return Reply(200, [("Content-Type", kind)], json.dumps(result, default=json_default).encode())


def xml_reply(call, inner):
    """Wraps inner XML as the answer of an EC2 or query operation."""
    request_id = uuid.uuid4()
    if call.protocol == "ec2":
        body = (
            f'<{call.operation}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
            f"<requestId>{request_id}</requestId>{inner}</{call.operation}Response>"
        )
    else:
        namespace = XML_NAMESPACES.get(call.service, "https://amazonaws.com/")
        body = (
            f'<{call.operation}Response xmlns="{namespace}"><{call.operation}Result>{inner}'
            f"</{call.operation}Result><ResponseMetadata><RequestId>{request_id}</RequestId>"
            f"</ResponseMetadata></{call.operation}Response>"
        )
    return Reply(200, [("Content-Type", "text/xml;charset=UTF-8")], body.encode())


def error_reply(call, error):
    """Writes an error as the call's protocol writes it."""
    request_id = str(uuid.uuid4())
    code, message, status = error.code, error.message, error.status
    headers = [("x-amzn-RequestId", request_id), *error.headers]
    if call.protocol == "cbor":
        headers += [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
        body = cbor2.dumps({"__type": f"com.amazonaws.{call.service}#{code}", "message": message})
        if call.service == "cloudwatch":  # awsQueryCompatible
            headers.append(("x-amzn-query-error", f"{code};Sender"))
    elif call.protocol in ("json", "rest-json"):
        answer = {"__type": code, "message": message, "Message": message, **error.extra}
        if call.protocol == "rest-json":
            headers.append(("x-amzn-ErrorType", code))
            del answer["__type"]
        kind = "application/json" if call.protocol == "rest-json" else call.json_version
        headers.append(("Content-Type", kind))
        body = json.dumps(answer).encode()
    else:
        headers.append(("Content-Type", "text/xml;charset=UTF-8"))
        inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        inner += "".join(f"<{k}>{escape(v)}</{k}>" for k, v in error.extra.items())
        if call.protocol == "ec2":
            text = (
                f"<Response><Errors><Error>{inner}</Error></Errors>"
                f"<RequestID>{request_id}</RequestID></Response>"
            )
        elif call.protocol == "s3":
            text = f"<Error>{inner}<RequestId>{request_id}</RequestId><HostId>front</HostId></Error>"
        else:
            sender = "Sender" if status < 500 else "Receiver"
            namespace = XML_NAMESPACES.get(call.service, "https://amazonaws.com/")
            text = (
                f'<ErrorResponse xmlns="{namespace}"><Error><Type>{sender}</Type>{inner}</Error>'
                f"<RequestId>{request_id}</RequestId></ErrorResponse>"
            )
        body = ('<?xml version="1.0" encoding="UTF-8"?>\n' + text).encode()
    return Reply(status, headers, body, error=code)
