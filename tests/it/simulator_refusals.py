"""What the simulator refuses, asked with boto3: prints the error codes as JSON. AWS standard variables lead to it."""

import json

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ONCE = Config(retries={"total_max_attempts": 1})


def client(service, region="us-east-1", **credentials):
    return boto3.client(service, region_name=region, config=ONCE, **credentials)


def code(ask, *arguments, **named):
    try:
        return f"answered: {ask(*arguments, **named)}"
    except ClientError as error:
        return error.response["Error"]["Code"]


def assumed(account):
    arn = f"arn:aws:iam::{account}:role/OrgscanReadOnly"
    given = client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    names = ("AccessKeyId", "aws_access_key_id"), ("SecretAccessKey", "aws_secret_access_key"), ("SessionToken", "aws_session_token")
    return {name: given[key] for key, name in names}


def flood():
    """More than fits into the bucket of the fewest: three a second, fifty at once."""
    ec2 = client("ec2")
    codes = {code(ec2.describe_spot_fleet_requests) for _ in range(300)}
    return next((it for it in codes if not it.startswith("answered")), "never")


def main():
    wrong = {"aws_access_key_id": "AKIAORGSCANSIMULATOR", "aws_secret_access_key": "wrong"}
    unknown = {"aws_access_key_id": "AKIANOBODYKNOWSTHIS0", "aws_secret_access_key": "secret"}
    members = [it["Id"] for it in client("organizations").list_accounts()["Accounts"]]
    sts, role = client("sts"), "arn:aws:iam::{}:role/{}"
    assume = {"RoleSessionName": "test"}
    pages = client("ec2", "eu-west-1").describe_volumes(MaxResults=5)
    token = pages.get("NextToken") or "000000000000000000000000000a"
    print(
        json.dumps(
            {
                "another secret": code(client("ec2", **wrong).describe_volumes),
                "another secret, in JSON": code(client("organizations", **wrong).list_accounts),
                "an unknown key": code(client("sts", **unknown).get_caller_identity),
                "an operation it does not have": code(client("ec2").describe_key_pairs),
                "an operation it does not have, in JSON": code(client("organizations").list_policies, Filter="TAG_POLICY"),
                "a global service in another region": code(client("organizations", "eu-west-1").list_accounts),
                "a region that is not enabled": code(client("ec2", "xx-nowhere-1").describe_volumes),
                "a token of another list": code(client("ec2").describe_volumes, MaxResults=5, NextToken=token),
                "a role that is not there": code(sts.assume_role, RoleArn=role.format(members[1], "Other"), **assume),
                "an account that is not there": code(
                    sts.assume_role, RoleArn=role.format("999999999999", "OrgscanReadOnly"), **assume
                ),
                "a member that lists the accounts": code(client("organizations", **assumed(members[1])).list_accounts),
                "more at once than the bucket holds": flood(),
            }
        )
    )


if __name__ == "__main__":
    main()
