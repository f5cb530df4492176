"""The front: a WSGI middleware before moto that refuses, pages and fails as AWS does.

moto answers every call kindly: any role can be assumed, every region is enabled,
every list comes in one piece.  A scanner tested against that would look right and
be wrong.  The front judges each request first and repairs moto's answers after.

A profile is the scanner's own access key id (`AKIA...`); its faults are set with
`PUT /_front/profiles/<access key id>` and every call made under it (also with the
credentials that it assumed) is listed at `GET /_front/calls/<access key id>`.
"""

import functools
import io
import json
import select
import socket
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

import errors
import paging
import services
from wire import ApiError, Reply, error_reply, read_body, read_call

# The faults of a profile.  Account tables take "*" for all accounts; operations are
# written `ec2:DescribeVolumes` (or as the IAM action, where that has another name).
FAULTS = {
    "page_size": int,  # every list in pages of at most this
    "empty_pages": bool,  # an empty page with a token between two pages
    "role_missing": list,  # [account]: the role cannot be assumed there
    "external_id": dict,  # {account: id that the trust demands}
    "deny_regions": dict,  # {account: [region]}: by a service control policy
    "deny_actions": dict,  # {account: [operation]}: by the role
    "unlimited_role": bool,  # the roles permit everything, not what the templates give them
    "not_enabled": dict,  # {account: [region]}: not among its regions; calls to it fail
    "expire_after": dict,  # {account: n}: its first credentials die after n calls
    "throttle_first": dict,  # {operation: n}: per account and region
    "server_error_first": dict,  # {operation: n}: 503, per account and region
    "delay_ms": (int, float),  # before every answer
    "hang": list,  # [operation]: never answers
    "no_organization": bool,
    "organizations_denied": bool,
    "coh_not_enrolled": bool,
    "compute_optimizer_off": bool,
    "template_version": dict,  # {account: what the tag of its role says}; null where it has no tag
    "stack_set": dict,  # {account: status and reason of its stack}; null where it has none
    "list_regions_denied": bool,
}

# Services whose one endpoint serves the whole partition.
GLOBAL = {"organizations", "sts", "ce", "cost-optimization-hub", "cloudfront", "route53", "account", "iam"}
READS = ("Describe", "List", "Get", "Head", "Lookup", "Search", "AssumeRole")
HANG_SECONDS = 60
SCANNER = "assumed-role/OrgscanScanner/ci"


@dataclass
class Profile:
    """One scanner of the tests: its faults, their counters and its calls."""

    faults: dict = field(default_factory=dict)
    counters: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)
    next_seq: int = 1


@dataclass
class Credential:
    """What AssumeRole handed out."""

    access_key: str
    secret: str
    token: str
    account: str
    arn: str
    expires: float
    profile: Profile
    actions: set | None = None  # what a session policy leaves of the role's
    calls_left: int | None = None


class Hung(Exception):
    """The client went away while the front did not answer."""


class Front:
    """The WSGI application."""

    def __init__(self, moto, state):
        self.moto = moto
        self.state = state
        self._profiles = {}
        self._credentials = {}
        self._lock = threading.Lock()  # the front's own tables
        self._moto_lock = threading.Lock()  # moto is not written for threads
        self._answers = {}  # moto's answers: the world does not change any more

    # --- WSGI ---------------------------------------------------------------

    def __call__(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        if path.startswith("/_front/"):
            reply = self._control(environ, path)
        else:
            reply = self._serve(environ)
        if reply is None:  # hung: nobody reads the answer
            reply = Reply(500, [], b"")
        headers = [(k, v) for k, v in reply.headers if k.lower() not in ("content-length", "connection")]
        headers.append(("Content-Length", str(len(reply.body))))
        start_response(f"{reply.status} {'OK' if reply.status < 400 else 'Error'}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else reply.body]

    def _serve(self, environ):
        call = read_call(environ)
        if call is None:
            text = "<Code>MissingAuthenticationToken</Code><Message>The request has no credentials</Message>"
            body = f"<Response><Errors><Error>{text}</Error></Errors></Response>".encode()
            return Reply(403, [("Content-Type", "text/xml")], body)
        entry = None
        try:
            self._authenticate(call)
            entry = self._log(call)
            self._check_expiry(call)
            self._fail_on_purpose(call)
            self._authorize(call)
            reply = self._answer(call)
        except ApiError as error:
            reply = error_reply(call, error)
        except Hung:
            reply = None
        except Exception as error:  # a bug here or in moto: say so loudly
            print(f"front: {call.key}: {error!r}", file=sys.stderr)
            traceback.print_exc()
            reply = error_reply(call, ApiError("InternalFailure", repr(error), 500))
        if entry is not None:
            entry["status"] = reply.status if reply else None
            entry["error"] = reply.error if reply else "hung"
        return reply

    # --- control ------------------------------------------------------------

    def _control(self, environ, path):
        """`/_front/profiles/<key>` and `/_front/calls/<key>`."""
        method = environ["REQUEST_METHOD"]
        what, _, key = path[len("/_front/") :].partition("/")
        if what == "profiles" and method == "PUT" and key:
            try:
                faults = json.loads(read_body(environ) or b"{}")
                check_faults(faults)
            except (ValueError, AttributeError) as error:
                return _json(400, {"error": str(error)})
            with self._lock:
                profile = self._profiles.setdefault(key, Profile())
                profile.faults, profile.counters = faults, {}
            return _json(200, faults)
        if what == "calls" and method in ("GET", "DELETE") and key:
            with self._lock:
                profile = self._profiles.setdefault(key, Profile())
                if method == "DELETE":
                    profile.calls = []
                return _json(200, profile.calls)
        return _json(404, {"error": f"no {method} {path}"})

    # --- who calls ----------------------------------------------------------

    def _authenticate(self, call):
        """Finds account and profile; a key of ours must come with its session token."""
        if call.access_key.startswith("ASIA"):
            credential = self._credentials.get(call.access_key)
            token = call.environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
            if credential is None or credential.token != token:
                raise errors.unknown_access_key(call)
            call.account, call.arn, call.profile = (credential.account, credential.arn, credential.profile)
        elif call.access_key.startswith("AKIA"):
            call.account = self.state.management
            call.arn = f"arn:aws:sts::{call.account}:{SCANNER}"
            with self._lock:
                call.profile = self._profiles.setdefault(call.access_key, Profile())
        else:
            raise errors.unknown_access_key(call)

    def _check_expiry(self, call):
        credential = self._credentials.get(call.access_key)
        if credential is None:
            return
        with self._lock:
            if credential.calls_left is not None:
                if credential.calls_left == 0:
                    credential.expires = 0
                credential.calls_left = max(credential.calls_left - 1, 0)
            if credential.expires < time.time():
                raise errors.expired(call)

    def issue(self, profile, account, arn, seconds, actions=None):
        """Makes credentials; the first of an account may be short-lived (`expire_after`)."""
        credential = Credential(
            access_key="ASIA" + services.random_key(16),
            secret=services.random_key(40),
            token="front" + services.random_key(200),
            account=account,
            arn=arn,
            expires=time.time() + seconds,
            profile=profile,
            actions=actions,
        )
        with self._lock:
            if self._counted(profile, ("issued", account)) == 1:
                credential.calls_left = _for_account(profile.faults.get("expire_after"), account)
            self._credentials[credential.access_key] = credential
        return credential

    def _log(self, call):
        rule = paging.TABLE.get(f"{call.service}:{call.operation}")
        with self._lock:
            profile = call.profile
            entry = {
                "seq": profile.next_seq,
                "time": time.time(),
                "service": call.service,
                "operation": call.operation,
                "account": call.account,
                "region": call.region,
                "continued": bool(rule and call.params.get(rule.token_in)),
                "status": None,
                "error": None,
            }
            profile.next_seq += 1
            profile.calls.append(entry)
        return entry

    # --- faults -------------------------------------------------------------

    @staticmethod
    def _counted(profile, key):
        profile.counters[key] = profile.counters.get(key, 0) + 1
        return profile.counters[key]

    def _fail_on_purpose(self, call):
        faults = call.profile.faults
        if faults.get("delay_ms"):
            time.sleep(faults["delay_ms"] / 1000)
        if _names(call, faults.get("hang")):
            wait_for_hang_up(call.environ)
            raise Hung
        for fault, error in (
            ("server_error_first", errors.server_error),
            ("throttle_first", errors.throttled),
        ):
            times = _of_operation(call, faults.get(fault))
            if times:
                with self._lock:
                    count = self._counted(call.profile, (fault, call.key, call.account, call.region))
                if count <= times:
                    raise error(call)

    # --- may it? ------------------------------------------------------------

    def enabled_regions(self, call):
        """The regions enabled for the caller's account; us-east-1 cannot be disabled."""
        missing = _for_account(call.profile.faults.get("not_enabled"), call.account) or []
        return [r for r in self.state.regions if r == "us-east-1" or r not in missing]

    def _authorize(self, call):
        if call.service == "organizations":
            services.check_organizations(self, call)
        if call.key == "sts:GetCallerIdentity":
            return  # needs no permission anywhere
        faults = call.profile.faults
        regional = call.service not in GLOBAL and call.key != "s3:ListBuckets"
        if regional and call.region not in self.enabled_regions(call):
            raise errors.region_not_enabled(call)
        if regional and call.region in (_for_account(faults.get("deny_regions"), call.account) or []):
            raise errors.denied_by_scp(call)
        if _names(call, _for_account(faults.get("deny_actions"), call.account)):
            raise errors.denied_by_role(call)
        if not faults.get("unlimited_role") and not self._permits(call):
            raise errors.denied_by_role(call)
        if call.operation != "Unknown" and not call.operation.startswith(READS):
            raise errors.denied_by_role(call)  # the role is read-only, and the world is shared

    def _permits(self, call):
        """Whether the role of the caller permits the call, and the policy of its session, where it has one."""
        session = self._credentials.get(call.access_key)
        narrowed = session.actions if session else None
        role = self.state.roles[call.account]
        return role.permits(call.iam_action) and (narrowed is None or call.iam_action in narrowed)

    # --- answers ------------------------------------------------------------

    def bucket_owner(self, bucket):
        """The account that owns a bucket."""
        from moto.s3.models import s3_backends

        for account in self.state.accounts:
            if account in s3_backends and bucket in s3_backends[account]["aws"].buckets:
                return account
        return None

    def _answer(self, call):
        if call.service == "s3":
            services.check_bucket_region(self, call)
        own = services.ANSWERS.get(call.key)
        if own and not (call.service in ("cloudwatch",) and call.protocol == "query"):
            return own(self, call)
        rule = paging.TABLE.get(call.key)
        page = paging.read_page(call, rule) if rule else None
        if rule and call.protocol == "ec2":
            check_ids(call, rule)
        reply = self._everything(call, rule)
        if reply.status >= 300:
            return reply
        if call.key in (
            "organizations:ListAccounts",
            "organizations:ListAccountsForParent",
            "organizations:ListOrganizationalUnitsForParent",
        ):
            reply = services.add_paths(self, reply)
        if call.key == "s3:ListBuckets":
            reply = services.add_bucket_regions(self, call, reply)
        if call.key == "ec2:DescribeAddresses":
            reply = services.drop_empty_instance_ids(reply)
        if call.service == "lambda":
            reply = services.write_lambda_times(reply)
        if call.key == "iam:ListRoleTags":
            reply = services.change_tags(call, reply)
        if call.key == "cloudformation:ListStackInstances":
            reply = services.change_stacks(call, reply)
        if call.key == "logs:DescribeLogGroups":
            reply = services.complete_log_groups(self, call, reply)
        if call.key == "sqs:GetQueueAttributes":
            reply = services.complete_queue_attributes(self, call, reply)
        if rule:
            reply = paging.cut_reply(call, rule, page, reply)
        return reply

    def _everything(self, call, rule):
        """moto's whole list.  Its GetResources cannot be had in one piece: follow its tokens."""
        if call.key == "sqs:GetQueueAttributes":
            return self._forward(call, services.all_attributes(call), call.query)
        if call.key != "tag:GetResources":
            return self._forward(call, *(_whole_list(call, rule) if rule else (call.body, call.query)))
        params = {k: v for k, v in call.params.items() if k not in (rule.token_in, rule.limit_in)}
        params.update(ResourcesPerPage=100, TagsPerPage=500)
        items = []
        while True:
            reply = self._forward(call, json.dumps(params).encode(), call.query)
            if reply.status >= 300:
                return reply
            answer = json.loads(reply.body)
            items += answer["ResourceTagMappingList"]
            if not answer.get("PaginationToken"):
                items += services.tagged_addresses(call)
                wanted = call.params.get("ResourceARNList")
                items = [it for it in items if not wanted or it["ResourceARN"] in wanted]
                body = json.dumps({"ResourceTagMappingList": items}).encode()
                return Reply(200, reply.headers, body)
            params["PaginationToken"] = answer["PaginationToken"]

    def _forward(self, call, body, query):
        """moto's answer in the caller's account, asked for once: moto takes 5 to 20 ms."""
        request = (
            call.account,
            call.region,
            call.signing_name,
            call.operation,
            call.method,
            call.path,
            urlencode(query),
            body,
            call.environ.get("CONTENT_TYPE"),
        )
        with self._moto_lock:
            if request not in self._answers:
                self._answers[request] = self._ask_moto(call, body, query)
            return replace(self._answers[request])

    def _ask_moto(self, call, body, query):
        if not has_service(call.signing_name):
            raise errors.unknown_operation(call)
        environ = dict(call.environ)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ.pop("HTTP_X_AMZ_SECURITY_TOKEN", None)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = call.account
        environ["HTTP_USER_AGENT"] = "front"  # moto would take a region from it
        environ["QUERY_STRING"] = urlencode(query)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        answer = {}

        def start_response(status, headers, exc_info=None):
            answer["status"], answer["headers"] = int(status.split()[0]), headers

        try:
            chunks = self.moto(environ, start_response)
            content = b"".join(chunks)
            if hasattr(chunks, "close"):
                chunks.close()
        except NotImplementedError:
            raise errors.unknown_operation(call) from None
        kind = dict((k.lower(), v) for k, v in answer["headers"]).get("content-type", "")
        if call.method != "HEAD" and _is_page(answer["status"], kind, content):
            raise errors.unknown_operation(call)
        error = _error_code(content) if answer["status"] >= 400 else None
        return Reply(answer["status"], answer["headers"], content, error)


@functools.cache
def has_service(signing_name):
    """Whether moto has the service at all."""
    from moto.backend_index import backend_url_patterns

    host = f"http://{signing_name}.us-east-1.amazonaws.com"
    return any(pattern.match(host) for _, pattern in backend_url_patterns)


def _is_page(status, kind, content):
    """A web page instead of an answer: what moto gives for what it does not know."""
    if status < 400:
        return False
    return (
        b"<!doctype html" in content[:200].lower()
        or (status == 404 and not content)
        or ("text/html" in kind and b"<Error" not in content[:400] and b"__type" not in content)
    )


def _error_code(content):
    text = content.decode("utf-8", "replace")
    if "<Code>" in text:
        return text.split("<Code>")[1].split("</Code>")[0]
    try:
        return json.loads(text).get("__type")
    except (ValueError, AttributeError):
        return "Unknown"


def _json(status, value):
    return Reply(status, [("Content-Type", "application/json")], json.dumps(value).encode())


def check_faults(faults):
    """Unknown or misshapen faults are a mistake in a test and are refused."""
    for name, value in faults.items():
        if name not in FAULTS:
            raise ValueError(f"unknown fault {name!r}; known: {sorted(FAULTS)}")
        if not isinstance(value, FAULTS[name]):
            raise ValueError(f"fault {name!r} has the wrong type")


def _for_account(table, account):
    """A fault's value for an account, `*` being all accounts; lists add up."""
    table = table or {}
    own, every = table.get(account), table.get("*")
    if isinstance(own, list) and isinstance(every, list):
        return own + every
    return own if own is not None else every


def _names(call, keys):
    return bool(keys) and (call.key in keys or call.iam_action in keys)


def _of_operation(call, table):
    table = table or {}
    return table.get(call.key) or table.get(call.iam_action)


def wait_for_hang_up(environ):
    """Waits until the client closes its connection, a minute at most."""
    connection = environ.get("werkzeug.socket")
    deadline = time.time() + HANG_SECONDS
    while time.time() < deadline:
        if connection is None:
            time.sleep(0.1)
            continue
        readable, _, _ = select.select([connection], [], [], 0.1)
        try:
            if readable and not connection.recv(1, socket.MSG_PEEK):
                return
        except OSError:
            return


def check_ids(call, rule):
    """EC2 refuses a page size together with a list of ids."""
    ids = [name for name in call.params if name.endswith("Id.1") and not name.startswith("Filter")]
    if (
        ids
        and rule.limit_in in call.params
        and call.operation in ("DescribeInstances", "DescribeVolumes", "DescribeSnapshots", "DescribeImages")
    ):
        text = f"The parameter {ids[0][:-2]} cannot be used with the parameter maxResults"
        raise ApiError("InvalidParameterCombination", text, 400)


def _whole_list(call, rule):
    """The request without its paging, asking moto for everything."""
    paging_names = (rule.token_in, rule.limit_in)
    if call.protocol in ("ec2", "query"):
        form = {k: v for k, v in call.params.items() if k not in paging_names}
        if not any(name.endswith("InstanceId.1") for name in form):
            form.update(rule.fetch)
        return urlencode(form).encode(), {}
    if call.protocol == "json":
        params = {k: v for k, v in call.params.items() if k not in paging_names}
        return json.dumps(params).encode(), call.query
    return call.body, {k: v for k, v in call.query.items() if k not in paging_names}
