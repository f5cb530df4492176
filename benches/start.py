#!/usr/bin/env python3
"""How long `orgscan tools` takes, how much memory, and how fast the server answers `tools/list`.

usage: benches/start.py PATH_TO_ORGSCAN

Prints medians and 99th percentiles; judges nothing. Needs nothing but Python. Quote the machine and the build profile with
the figures.
"""

import http.client
import json
import os
import resource
import socket
import subprocess
import sys
import time

RUNS, REQUESTS, WARM_UP = 50, 2000, 200
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
LIST = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}})


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def say(what, values, unit):
    print(f"{what}: median {percentile(values, 0.5):.2f} {unit}, p99 {percentile(values, 0.99):.2f} {unit}")


def start(binary):
    seconds = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        subprocess.run([binary, "tools"], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - begun)
    say(f"orgscan tools, {RUNS} runs", [it * 1000 for it in seconds], "ms")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"orgscan tools, peak memory: {peak:.1f} MiB")


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def timed(connection, ask, expected):
    """Milliseconds of each request, after a warm-up, and the size of the answer."""
    milliseconds = []
    for number in range(WARM_UP + REQUESTS):
        begun = time.perf_counter()
        ask()
        answer = connection.getresponse()
        body = answer.read()
        if number >= WARM_UP:
            milliseconds.append((time.perf_counter() - begun) * 1000)
        if answer.status != 200 or expected not in body:
            sys.exit(f"the server answered {answer.status}: {body[:200]!r}")
    return milliseconds, len(body)


def listing(binary):
    port = free_port()
    # No credentials are needed: listing tools calls nothing.
    server = subprocess.Popen(
        [binary, "serve", "--host", "127.0.0.1", "--port", str(port), "--log", "off"],
        env={"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"},
    )
    try:
        connection = None
        for _ in range(100):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port)
                connection.request("GET", "/health")
                connection.getresponse().read()
                break
            except OSError:
                time.sleep(0.05)
        # Small requests must not wait for the acknowledgement of the last.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        floor, _ = timed(connection, lambda: connection.request("GET", "/health"), b"healthy")
        say("GET /health, what this client costs by itself", floor, "ms")
        ask = lambda: connection.request("POST", "/mcp", body=LIST, headers=HEADERS)
        listed, size = timed(connection, ask, b"find_unused_volumes")
        say(f"tools/list over HTTP, {REQUESTS} answers of {size} bytes", listed, "ms")
    finally:
        server.terminate()
        server.wait()


if len(sys.argv) != 2:
    sys.exit(__doc__)
start(sys.argv[1])
listing(sys.argv[1])
