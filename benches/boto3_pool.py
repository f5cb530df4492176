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
# One session for all accounts, which is the cheapest way: each session reads the model of EC2 anew. It must not be used by two
# threads at once.
session, lock = boto3.Session(), threading.Lock()
calls = 0


def counted(**_):
    global calls
    with lock:
        calls += 1


def client(service, region, credentials):
    with lock:
        made = session.client(service, region_name=region, **credentials)
    made.meta.events.register("before-send", counted)
    return made


def credentials_of(account, sts, own):
    if account == own:
        return {}
    role = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{ROLE}", RoleSessionName="pool")
    given = role["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }


def regions_of(credentials):
    account, regions, token = client("account", "us-east-1", credentials), [], {}
    while True:
        page = account.list_regions(MaxResults=50, RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"], **token)
        regions += [it["RegionName"] for it in page["Regions"]]
        if not page.get("NextToken"):
            return regions
        token = {"NextToken": page["NextToken"]}


def unused_volumes(credentials, region):
    ec2 = client("ec2", region, credentials)
    pages = ec2.get_paginator("describe_volumes").paginate(PaginationConfig={"PageSize": 500})
    return sum(it["State"] == "available" for page in pages for it in page["Volumes"])


def main():
    sts = client("sts", "us-east-1", {})
    own = sts.get_caller_identity()["Account"]
    pages = client("organizations", "us-east-1", {}).get_paginator("list_accounts").paginate()
    accounts = [it["Id"] for page in pages for it in page["Accounts"] if it["Status"] == "ACTIVE"]
    with ThreadPoolExecutor(16) as pool:
        credentials = list(pool.map(lambda it: credentials_of(it, sts, own), accounts))
        regions = list(pool.map(regions_of, credentials))
        places = [(of, region) for of, all_regions in zip(credentials, regions) for region in all_regions]
        found = sum(pool.map(lambda it: unused_volumes(*it), places))
    print(json.dumps({"findings": found, "calls": calls}))


if __name__ == "__main__":
    main()
