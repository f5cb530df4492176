#!/usr/bin/env python3
"""What scanners on boto3 do: a pool of 16 threads, and a client for each account and region.

Finds the volumes of an organization that are attached to nothing, as `orgscan scan find_unused_volumes` does, and prints how
many. Runs against what the AWS standard variables name.
"""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3

ROLE = "OrgscanReadOnly"
calls, lock = 0, threading.Lock()


def counted(**_):
    global calls
    with lock:
        calls += 1


def session_of(account, sts, own):
    if account == own:
        return boto3.Session()
    role = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{ROLE}", RoleSessionName="pool")
    given = role["Credentials"]
    return boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def client(session, service, region):
    made = session.client(service, region_name=region)
    made.meta.events.register("before-send", counted)
    return made


def regions_of(session):
    account, regions, token = client(session, "account", "us-east-1"), [], {}
    while True:
        page = account.list_regions(MaxResults=50, RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"], **token)
        regions += [it["RegionName"] for it in page["Regions"]]
        if not page.get("NextToken"):
            return regions
        token = {"NextToken": page["NextToken"]}


def unused_volumes(session, region):
    pages = client(session, "ec2", region).get_paginator("describe_volumes").paginate(PaginationConfig={"PageSize": 500})
    return sum(it["State"] == "available" for page in pages for it in page["Volumes"])


def main():
    here = boto3.Session()
    sts = client(here, "sts", "us-east-1")
    own = sts.get_caller_identity()["Account"]
    pages = client(here, "organizations", "us-east-1").get_paginator("list_accounts").paginate()
    accounts = [it["Id"] for page in pages for it in page["Accounts"] if it["Status"] == "ACTIVE"]
    with ThreadPoolExecutor(16) as pool:
        sessions = list(pool.map(lambda it: session_of(it, sts, own), accounts))
        regions = list(pool.map(regions_of, sessions))
        places = [(session, region) for session, of in zip(sessions, regions) for region in of]
        found = sum(pool.map(lambda it: unused_volumes(*it), places))
    print(json.dumps({"findings": found, "calls": calls}))


if __name__ == "__main__":
    main()
