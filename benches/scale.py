#!/usr/bin/env python3
"""Measures scans of a made-up organization: wall time against its lower bound, CPU, memory, calls, throttles.

Starts `orgscan simulator` for each size, with a log-normal latency of 60 ms at the median, and scans it with
`orgscan scan`. With --boto3 a thread pool on boto3 does the same work on the same simulator, one after the other.
Build first: cargo build --release. Prints Markdown.

    benches/scale.py                      10, 100, 1,000 and 5,000 accounts, one check
    benches/scale.py --boto3 100          beside a boto3 pool, 100 accounts
    benches/scale.py --together 20        ten checks in one scan against ten scans, 20 accounts
    benches/scale.py --doctor             orgscan doctor instead of a scan, at each size
"""

import argparse
import json
import math
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
MEDIAN_SECONDS, SPREAD = 0.060, 0.5
MEAN_SECONDS = MEDIAN_SECONDS * math.exp(SPREAD**2 / 2)
SHARE, WIDTH = 0.5, 128
TOOL = "find_unused_volumes"
TEN = [
    "find_unused_volumes",
    "find_unused_snapshots",
    "find_unused_amis",
    "find_unused_elastic_ips",
    "find_unused_lambda_functions",
    "find_unused_nat_gateways",
    "find_overly_permissive_security_groups",
    "find_untagged_resources",
    "find_unused_s3_buckets",
    "find_unused_cloudfront_distributions",
]


def default_binary():
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "orgscan" / "target"
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", cache)) / "release" / "orgscan"


class Simulator:
    """A simulator as a process of its own."""

    def __init__(self, binary, accounts, latency):
        command = [binary, "simulator", "--accounts", str(accounts), "--latency", latency]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.variables = {}
        while len(self.variables) < 4:
            name, value = self.process.stdout.readline().removeprefix("export ").strip().split("=", 1)
            self.variables[name] = value

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def mib(self):
        """The most memory it has taken so far, where the system tells."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next((f"{int(it.split()[1]) / 1024:.0f}" for it in lines if it.startswith("VmHWM")), "")

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and "AWS" not in name}
        return {**kept, **self.variables}

    def counts(self):
        with urllib.request.urlopen(self.variables["AWS_ENDPOINT_URL"] + "/_simulator/counts") as answer:
            return json.load(answer)


def measured(command, environment):
    """Runs a command; returns its output, and what it took."""
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode not in (0, 2):
        sys.exit(f"{command[0]} failed with exit code {process.returncode}")
    took = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "mib": usage.ru_maxrss / 1024}
    return text, took


def bounds(calls, accounts, cpu):
    """The least time that a scan can take, by what bounds it, in seconds."""
    pages, roles = calls.get("organizations:ListAccounts", 0), calls.get("sts:AssumeRole", 0)
    listing = max((pages - 12 * SHARE) / (8 * SHARE), pages * MEAN_SECONDS)
    total = sum(calls.values())
    # EC2's bucket of reads: each account and region has one of its own.
    places = max(1, accounts * 17)
    fullest = max(count for name, count in calls.items() if name.startswith("ec2:")) / places
    return {
        "account pages": listing,
        "AssumeRole": (roles - 600 * SHARE) / (600 * SHARE),
        "fullest bucket": (fullest - 100 * SHARE) / (20 * SHARE),
        "latency / width": total * MEAN_SECONDS / WIDTH,
        "CPU / cores": cpu / os.cpu_count(),
    }


def scan(binary, simulator, tools):
    text, took = measured([binary, "scan", *tools, "-o", "json"], simulator.environment())
    answer = json.loads(text)
    took["findings"] = sum(report["summary"]["findings"] for report in answer["reports"])
    took["throttled"] = answer["api"]["throttled"]
    took["calls"] = answer["api"]["by_action"]
    coverage = answer["coverage"]
    missed = sum(it["targets"] for it in coverage["not_scanned"])
    assert coverage["targets"] == coverage["scanned"] + missed, coverage
    assert all(it["class"] == "account_suspended" for it in coverage["not_scanned"]), coverage
    return took


def table(header, rows):
    print("| " + " | ".join(header) + " |")
    print("| " + " | ".join("---" if index == 0 else "---:" for index in range(len(header))) + " |")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def sizes(binary, accounts):
    header = ["accounts x 17", "wall s", "bound s", "bounded by", "ratio", "CPU s", "us/call", "peak MiB", "calls"]
    header += ["throttled", "findings", "fullest bucket, of burst + rate", "simulator MiB"]
    rows = []
    for count in accounts:
        with Simulator(binary, count, "60ms") as simulator:
            took = scan(binary, simulator, [TOOL])
            counts, simulator_mib = simulator.counts(), simulator.mib()
        total = sum(took["calls"].values())
        assert total == sum(counts["calls"].values()), "the simulator has seen other calls"
        name, bound = max(bounds(took["calls"], count, took["cpu"]).items(), key=lambda it: it[1])
        peak = max(counts["peaks"], key=lambda it: it["per_second"] / (it["burst"] + it["rate_per_s"]))
        share = peak["per_second"] / (peak["burst"] + peak["rate_per_s"])
        row = [f"{count:,}", f"{took['wall']:.2f}", f"{bound:.2f}", name, f"{took['wall'] / bound:.2f}", f"{took['cpu']:.2f}"]
        row += [f"{took['cpu'] / total * 1e6:.0f}", f"{took['mib']:.0f}", f"{total:,}"]
        row += [took["throttled"] + sum(counts["throttled"].values()), f"{took['findings']:,}", f"{peak['bucket']} {share:.0%}", simulator_mib]
        rows.append(row)
        print(f"{count} accounts: {took['wall']:.1f} s", file=sys.stderr)
    table(header, rows)


def beside_boto3(binary, python, count):
    with Simulator(binary, count, "60ms") as simulator:
        ours = scan(binary, simulator, [TOOL])
        text, pool = measured([python, HERE / "boto3_pool.py"], simulator.environment())
    pool.update(json.loads(text))
    rows = []
    for name, took in (("orgscan", ours), ("boto3, 16 threads", pool)):
        calls = took["calls"] if isinstance(took["calls"], int) else sum(took["calls"].values())
        rows.append([name, f"{took['wall']:.2f}", f"{took['cpu']:.2f}", f"{took['mib']:.0f}", f"{calls:,}", f"{took['findings']:,}"])
    ratios = [f"{pool[key] / ours[key]:.0f} times" for key in ("wall", "cpu", "mib")]
    table([f"{count} x 17", "wall s", "CPU s", "peak MiB", "calls", "findings"], [*rows, ["ratio", *ratios, "", ""]])


def together(binary, count):
    with Simulator(binary, count, "60ms") as simulator:
        one = scan(binary, simulator, TEN)
        each = [scan(binary, simulator, [tool]) for tool in TEN]
    calls = [sum(took["calls"].values()) for took in (one, *each)]
    rows = [["ten checks in one scan", f"{calls[0]:,}", f"{one['wall']:.2f}", f"{one['cpu']:.2f}"]]
    walls, cpus = (sum(took[key] for took in each) for key in ("wall", "cpu"))
    rows.append(["ten scans", f"{sum(calls[1:]):,}", f"{walls:.2f}", f"{cpus:.2f}"])
    rows.append(["share", f"{calls[0] / sum(calls[1:]):.2f}", f"{one['wall'] / walls:.2f}", f"{one['cpu'] / cpus:.2f}"])
    table([f"{count} x 17", "calls", "wall s", "CPU s"], rows)


def doctor(binary, accounts):
    rows = []
    for count in accounts:
        with Simulator(binary, count, "60ms") as simulator:
            text, took = measured([binary, "doctor", "-o", "json"], simulator.environment())
            throttled = sum(simulator.counts()["throttled"].values())
        found = json.loads(text)
        assert found["complete"] and found["summary"]["accounts"] == count, found["summary"]
        row = [f"{count:,}", f"{took['wall']:.1f}", f"{took['cpu']:.1f}", f"{took['cpu'] / found['calls'] * 1e6:.0f}"]
        rows.append([*row, f"{took['mib']:.0f}", f"{found['calls']:,}", throttled])
        print(f"{count} accounts: {took['wall']:.1f} s", file=sys.stderr)
    table(["accounts", "wall s", "CPU s", "us/call", "peak MiB", "calls", "throttled"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=default_binary(), help="the orgscan to measure")
    parser.add_argument("--accounts", default="10,100,1000,5000", help="sizes, separated by commas")
    parser.add_argument("--boto3", type=int, metavar="ACCOUNTS", help="compare with a boto3 thread pool")
    parser.add_argument("--together", type=int, metavar="ACCOUNTS", help="compare ten checks in one scan with ten scans")
    parser.add_argument("--doctor", action="store_true", help="measure orgscan doctor")
    parser.add_argument("--python", default=sys.executable, help="a Python that has boto3")
    arguments = parser.parse_args()
    if not arguments.binary.exists():
        sys.exit(f"{arguments.binary} is missing; build it with cargo build --release, or name one with --binary")
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}\n")
    if arguments.boto3:
        beside_boto3(arguments.binary, arguments.python, arguments.boto3)
    elif arguments.together:
        together(arguments.binary, arguments.together)
    elif arguments.doctor:
        doctor(arguments.binary, [int(it) for it in arguments.accounts.split(",")])
    else:
        sizes(arguments.binary, [int(it) for it in arguments.accounts.split(",")])


if __name__ == "__main__":
    main()
