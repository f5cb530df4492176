"""boto3 clients that talk to moto's WSGI application in this process, as any account."""

from urllib.parse import urlsplit

import boto3
import time_machine
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from werkzeug.test import Client, EnvironBuilder

ENDPOINT = "http://127.0.0.1:1"  # nothing listens there and nothing is sent


class _Raw:
    """What botocore reads a body from."""

    def __init__(self, body):
        self._body = body

    def stream(self, **_):
        yield self._body

    def read(self, *_):
        body, self._body = self._body, b""
        return body


class _Scoped:
    """One account's view of a client."""

    def __init__(self, aws, client, account):
        self._aws, self._client, self._account = aws, client, account

    def __getattr__(self, operation):
        method = getattr(self._client, operation)

        def run(**arguments):
            self._aws.account = self._account
            return method(**arguments)

        return run


class Aws:
    """Clients by service and region, shared by all accounts: making one takes long."""

    def __init__(self, moto):
        self._http = Client(moto)
        self._session = boto3.Session("front", "front")
        self._clients = {}
        self.account = ""

    def __call__(self, service, account, region="us-east-1"):
        key = (service, region)
        if key not in self._clients:
            client = self._session.client(
                service,
                region_name=region,
                endpoint_url=ENDPOINT,
                config=Config(
                    retries={"total_max_attempts": 1},
                    s3={"addressing_style": "path"},
                    parameter_validation=False,
                    user_agent="seed",
                    request_checksum_calculation="when_required",
                ),
            )
            client.meta.events.register("before-send", self._send)
            self._clients[key] = client
        return _Scoped(self, self._clients[key], account)

    def _send(self, request, **_):
        headers = {
            k: v.decode() if isinstance(v, bytes) else str(v)
            for k, v in request.headers.items()
            if k.lower() != "user-agent"
        }
        headers["x-moto-account-id"] = self.account
        body = request.body
        if hasattr(body, "read"):
            body = body.read()
        url = urlsplit(request.url)
        builder = EnvironBuilder(
            method=request.method,
            base_url=ENDPOINT,
            path=url.path or "/",
            query_string=url.query,
            headers=headers,
            data=body or b"",
        )
        answer = self._http.open(builder)
        return AWSResponse(request.url, answer.status_code, dict(answer.headers), _Raw(answer.data))


def clock(moment):
    """Lets the process live at another moment: `with clock(t): ...`."""
    return time_machine.travel(moment, tick=False)
