"""The templates make real stacks in moto's CloudFormation, and what comes out is what was meant.

moto makes no StackSet, bucket policy, alarm, CodeBuild project, pipeline, user pool and AgentCore runtime from a
template, of a bucket only name and encryption, of a repository not its scanning, and deletes no role that a template
attached policies to; test_templates.py and test_policies.py read those.
"""

import json
import os
import unittest

os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1")
os.environ.pop("AWS_PROFILE", None)

import boto3
import cloudformation
from botocore.exceptions import ClientError
from moto import mock_aws

from repository import categories, core_actions, listed, member_actions, read, read_json, resources, template

cloudformation.repair()

ACCOUNT = "123456789012"  # moto's own
SCANNER = "arn:aws:iam::111122223333:role/OrgscanScanner"
ORGANIZATION = "o-a1b2c3d4e5"
TRUSTED = {"ScannerPrincipalArn": SCANNER, "OrganizationId": ORGANIZATION}
RUNTIME = "orgscan-AbCdEfGhIj"


class InMoto(unittest.TestCase):
    def setUp(self):
        mock = mock_aws()
        mock.start()
        self.addCleanup(mock.stop)
        self.iam = boto3.client("iam")
        self.stacks = boto3.client("cloudformation")

    def make(self, name, body=None, **parameters):
        """Makes a stack and returns its outputs."""
        self.stacks.create_stack(
            StackName=f"orgscan-{name}",
            TemplateBody=body or read(f"cloudformation/{name}.yaml"),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        (stack,) = self.stacks.describe_stacks(StackName=f"orgscan-{name}")["Stacks"]
        self.assertEqual(stack["StackStatus"], "CREATE_COMPLETE")
        return {it["OutputKey"]: it["OutputValue"] for it in stack.get("Outputs", [])}

    def trust(self, role, iam=None):
        document = (iam or self.iam).get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        return {it["Sid"]: it for it in document["Statement"]}

    def attached(self, role, iam=None):
        """The documents of the managed policies of a role, by their names."""
        iam = iam or self.iam
        found = {}
        for it in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            version = iam.get_policy(PolicyArn=it["PolicyArn"])["Policy"]["DefaultVersionId"]
            policy = iam.get_policy_version(PolicyArn=it["PolicyArn"], VersionId=version)
            found[it["PolicyName"]] = policy["PolicyVersion"]["Document"]
        return found

    def actions(self, role, iam=None):
        documents = self.attached(role, iam).values()
        return {action for it in documents for statement in it["Statement"] for action in listed(statement["Action"])}


class MemberRole(InMoto):
    def test_the_role_has_its_trust_its_tag_and_its_actions(self):
        outputs = self.make("member-role", **TRUSTED)
        role = self.iam.get_role(RoleName="OrgscanReadOnly")["Role"]
        self.assertEqual(outputs["RoleArn"], role["Arn"])
        self.assertEqual(role["Tags"], [{"Key": "orgscan:template-version", "Value": outputs["TemplateVersion"]}])
        self.assertEqual(role["MaxSessionDuration"], 3600)
        (it,) = self.trust("OrgscanReadOnly").values()
        self.assertEqual((it["Principal"], it["Action"]), ({"AWS": SCANNER}, "sts:AssumeRole"))
        self.assertEqual(it["Condition"], {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}})
        self.assertEqual(self.actions("OrgscanReadOnly"), member_actions())

    def test_an_external_id_is_asked_for_where_one_is_given(self):
        self.make("member-role", **TRUSTED, ExternalId="finops-1")
        (it,) = self.trust("OrgscanReadOnly").values()
        wanted = {"aws:PrincipalOrgID": ORGANIZATION, "sts:ExternalId": "finops-1"}
        self.assertEqual(it["Condition"], {"StringEquals": wanted})

    def test_each_category_can_be_left_out(self):
        known = categories()
        for left_out in known:
            stack = f"Without{left_out.capitalize()}"
            self.stacks.create_stack(
                StackName=stack,
                TemplateBody=read("cloudformation/member-role.yaml"),
                Capabilities=["CAPABILITY_NAMED_IAM"],
                Parameters=[
                    {"ParameterKey": key, "ParameterValue": value}
                    for key, value in {**TRUSTED, "RoleName": stack, left_out.capitalize(): "no"}.items()
                ],
            )
            wanted = core_actions().union(*(it for category, it in known.items() if category != left_out))
            self.assertEqual(self.actions(stack), wanted, left_out)

    def test_with_no_category_there_is_one_policy_with_the_core(self):
        off = {it.capitalize(): "no" for it in categories()}
        self.make("member-role", **TRUSTED, **off)
        self.assertEqual(self.actions("OrgscanReadOnly"), core_actions())
        self.assertEqual(len(self.attached("OrgscanReadOnly")), 1)


class SingleAccount(InMoto):
    def test_a_principal_may_assume_the_role(self):
        outputs = self.make("single-account", PrincipalArn="arn:aws:iam::111122223333:user/lead")
        (it,) = self.trust("OrgscanSingleAccount").values()
        self.assertEqual(it["Principal"], {"AWS": "arn:aws:iam::111122223333:user/lead"})
        self.assertNotIn("Condition", it)
        self.assertEqual(self.actions("OrgscanSingleAccount"), member_actions())
        self.assertEqual(outputs["RoleArn"], f"arn:aws:iam::{ACCOUNT}:role/OrgscanSingleAccount")

    def test_an_external_id_is_asked_for_where_one_is_given(self):
        self.make("single-account", PrincipalArn=SCANNER, ExternalId="finops-1")
        (it,) = self.trust("OrgscanSingleAccount").values()
        self.assertEqual(it["Condition"], {"StringEquals": {"sts:ExternalId": "finops-1"}})

    def test_the_scanners_own_role_can_be_given_the_policies(self):
        role = self.make("scanner")["ScannerRoleName"]
        outputs = self.make("single-account", AttachToRole=role)
        self.assertNotIn("RoleArn", outputs)
        self.assertEqual(self.actions(role), member_actions())

    def test_without_either_there_are_only_policies(self):
        outputs = self.make("single-account")
        made = [it["Arn"] for it in self.iam.list_policies(Scope="Local")["Policies"]]
        self.assertCountEqual(outputs["PolicyArns"].split(","), made)
        self.assertEqual(self.iam.list_roles()["Roles"], [])


class Scanner(InMoto):
    def test_the_role_lists_and_assumes_and_agentcore_may_run_as_it(self):
        outputs = self.make("scanner", MemberRoleName="Other")
        self.assertEqual(outputs["ScannerRoleArn"], f"arn:aws:iam::{ACCOUNT}:role/OrgscanScanner")
        (it,) = self.trust("OrgscanScanner").values()
        self.assertEqual(it["Principal"], {"Service": "bedrock-agentcore.amazonaws.com"})
        source = {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:*"},
        }
        self.assertEqual(it["Condition"], source)
        document = self.iam.get_role_policy(RoleName="OrgscanScanner", PolicyName="ask")["PolicyDocument"]
        wanted = read_json("docs/scanner-policy.json")
        wanted["Statement"][1]["Resource"] = "arn:aws:iam::*:role/Other"
        self.assertEqual(document, wanted)

    def test_an_operator_may_assume_the_role_where_one_is_named(self):
        self.make("scanner", OperatorArn="arn:aws:iam::111122223333:role/Admin")
        self.assertEqual(
            self.trust("OrgscanScanner")["Operator"]["Principal"], {"AWS": "arn:aws:iam::111122223333:role/Admin"}
        )

    def test_there_is_no_bucket_unless_one_is_asked_for(self):
        s3 = boto3.client("s3")
        self.make("scanner")
        self.assertEqual(s3.list_buckets()["Buckets"], [])
        self.stacks.delete_stack(StackName="orgscan-scanner")
        outputs = self.make("scanner", CreateRecordBucket="yes")
        rules = s3.get_bucket_encryption(Bucket=outputs["RecordBucketName"])["ServerSideEncryptionConfiguration"][
            "Rules"
        ]
        self.assertEqual(rules[0]["ApplyServerSideEncryptionByDefault"], {"SSEAlgorithm": "AES256"})


class Organization(InMoto):
    """The organization is made here: a management account and two members, one of them in a unit."""

    def setUp(self):
        super().setUp()
        organizations = boto3.client("organizations")
        self.organization = organizations.create_organization(FeatureSet="ALL")["Organization"]["Id"]
        (root,) = organizations.list_roots()["Roots"]
        self.unit = organizations.create_organizational_unit(ParentId=root["Id"], Name="Workloads")[
            "OrganizationalUnit"
        ]["Id"]
        self.members = []
        for number in range(2):
            made = organizations.create_account(Email=f"{number}@example.com", AccountName=f"member-{number}")
            self.members.append(made["CreateAccountStatus"]["AccountId"])
            organizations.move_account(
                AccountId=self.members[-1], SourceParentId=root["Id"], DestinationParentId=self.unit
            )
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="templates")
        s3.put_object(Bucket="templates", Key="member-role.yaml", Body=read("cloudformation/member-role.yaml"))
        self.parameters = {
            "TemplateURL": "https://templates.s3.us-east-1.amazonaws.com/member-role.yaml",
            "Targets": self.unit,
            "ScannerPrincipalArn": SCANNER,
            "OrganizationId": self.organization,
            "Cost": "no",
        }

    def test_the_management_account_gets_the_role_from_a_nested_stack(self):
        self.make("organization", **self.parameters)
        (trust,) = self.trust("OrgscanReadOnly").values()
        self.assertEqual(trust["Principal"], {"AWS": SCANNER})
        self.assertNotIn("ce:GetCostAndUsage", self.actions("OrgscanReadOnly"))
        self.assertIn("ec2:DescribeVolumes", self.actions("OrgscanReadOnly"))

    def test_a_delegated_administrator_makes_no_role_of_its_own(self):
        self.make("organization", DeployedIn="delegated-administrator", **self.parameters)
        with self.assertRaises(ClientError):
            self.iam.get_role(RoleName="OrgscanReadOnly")

    def test_the_stack_set_puts_the_role_into_the_members(self):
        # As the template says it, by hand.
        parsed = template("organization")
        (it,) = resources(parsed, "AWS::CloudFormation::StackSet").values()
        defaults = {name: parameter.get("Default") for name, parameter in parsed["Parameters"].items()}
        values = {**defaults, **self.parameters}
        self.stacks.create_stack_set(
            StackSetName="orgscan-member-role",
            TemplateURL=values["TemplateURL"],
            PermissionModel=it["PermissionModel"],
            AutoDeployment=it["AutoDeployment"],
            Capabilities=it["Capabilities"],
            Parameters=[{**one, "ParameterValue": values[one["ParameterValue"]["Ref"]]} for one in it["Parameters"]],
        )
        self.stacks.create_stack_instances(
            StackSetName="orgscan-member-role",
            DeploymentTargets={"OrganizationalUnitIds": [values["Targets"]]},
            Regions=[values["Region"]],
        )
        for account in self.members:
            keys = boto3.client("sts").assume_role(
                RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="test"
            )["Credentials"]
            iam = boto3.client(
                "iam",
                aws_access_key_id=keys["AccessKeyId"],
                aws_secret_access_key=keys["SecretAccessKey"],
                aws_session_token=keys["SessionToken"],
            )
            (trust,) = self.trust("OrgscanReadOnly", iam).values()
            self.assertEqual(trust["Condition"], {"StringEquals": {"aws:PrincipalOrgID": self.organization}})
            self.assertEqual(iam.get_role(RoleName="OrgscanReadOnly")["Role"]["Arn"].split(":")[4], account)
            wanted = core_actions().union(*(it for category, it in categories().items() if category != "cost"))
            self.assertEqual(self.actions("OrgscanReadOnly", iam), wanted)


class Pipeline(InMoto):
    def test_the_repository_keeps_tags_as_they_are(self):
        outputs = self.make("pipeline", SourceObject="sources/orgscan.zip")
        (repository,) = boto3.client("ecr").describe_repositories(repositoryNames=[outputs["RepositoryName"]])[
            "repositories"
        ]
        self.assertEqual(repository["imageTagMutability"], "IMMUTABLE")
        self.assertEqual(outputs["RepositoryUri"], repository["repositoryUri"])


class Monitoring(InMoto):
    def test_the_topic_is_encrypted_and_failures_of_the_stack_set_are_sent_to_it(self):
        parsed = template("monitoring")
        del parsed["Resources"]["TopicKey"]["Properties"]["Tags"]  # moto reads them in KMS's own form only
        outputs = self.make(
            "monitoring",
            body=json.dumps(parsed),
            RuntimeArn=f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:runtime/{RUNTIME}",
            RuntimeId=RUNTIME,
            Email="finops@example.com",
            StackSetId="orgscan-member-role:12345678-1234-1234-1234-123456789012",
            LogDays="30",
        )
        topic = outputs["TopicArn"]
        self.assertTrue(boto3.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["KmsMasterKeyId"])
        (group,) = boto3.client("logs").describe_log_groups()["logGroups"]
        self.assertEqual((group["logGroupName"], group["retentionInDays"]), (outputs["LogGroupName"], 30))
        events = boto3.client("events")
        (rule,) = events.list_rules()["Rules"]
        pattern = json.loads(rule["EventPattern"])
        suffix = ":stackset/orgscan-member-role:12345678-1234-1234-1234-123456789012"
        self.assertEqual(pattern["detail"]["stack-set-arn"], [{"suffix": suffix}])
        self.assertEqual([it["Arn"] for it in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]], [topic])
