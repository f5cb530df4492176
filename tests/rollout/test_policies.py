"""What roles may do, and how buckets, topics and images are kept: the rules that a security review would ask for."""

import itertools
import json
import re
import unittest

from repository import (
    TEMPLATES,
    categories,
    core_actions,
    holds,
    listed,
    member_actions,
    read_json,
    resolve,
    resources,
    template,
    walk,
)

READS = ("Describe", "Get", "List", "BatchGet", "Search", "Lookup")
# Reads by name that hand out what accounts keep, or something to get in with.
DATA = re.compile(
    r":(GetObject|GetSecretValue|GetItem|BatchGetItem|Query|Scan|ReceiveMessage|GetLogEvents|FilterLogEvents|GetRecords"
    r"|GetParameter\w*|GetFunction|GetSessionToken|GetFederationToken|GetAuthorizationToken|GetPasswordData"
    r"|GetConsole\w+)$"
)
ROLES = ("member-role", "single-account")


def statements(document):
    return [it for it in walk(document) if "Effect" in it]


def identity_policies(parsed):
    """The policies that give a role rights, by where they stand."""
    for name, it in resources(parsed, "AWS::IAM::ManagedPolicy").items():
        yield name, it["PolicyDocument"]
    for name, it in resources(parsed, "AWS::IAM::Role").items():
        for policy in it.get("Policies", []):
            yield f"{name}/{policy['PolicyName']}", policy["PolicyDocument"]


def all_on(name):
    parsed = template(name)
    return (
        {key: it["Default"] for key, it in parsed["Parameters"].items() if "Default" in it},
        parsed["Conditions"],
        parsed,
    )


def granted(name, **chosen):
    """The actions that a choice of parameters grants, by policy; policies that are not made are left out."""
    parameters, conditions, parsed = all_on(name)
    parameters.update(chosen)
    found = {}
    for policy, it in parsed["Resources"].items():
        if it["Type"] != "AWS::IAM::ManagedPolicy":
            continue
        if "Condition" in it and not holds(conditions[it["Condition"]], parameters, conditions):
            continue
        document = resolve(it["Properties"]["PolicyDocument"], parameters, conditions)
        found[policy] = document
    return found


def actions(documents):
    return {action for document in documents.values() for it in document["Statement"] for action in it["Action"]}


class Rights(unittest.TestCase):
    def test_no_role_may_do_something_with_an_asterisk(self):
        for name in TEMPLATES:
            for where, document in identity_policies(template(name)):
                for it in statements(document):
                    self.assertNotIn("NotAction", it, f"{name} {where}")
                    for action in listed(it["Action"]):
                        self.assertNotIn("*", action, f"{name} {where}")

    def test_only_what_must_may_be_done_to_everything(self):
        everywhere = {  # AWS knows no resource for these, or the resources of other accounts are meant
            "scanner": {
                "OrgscanList",
                "ImageToken",
                "Traces",
                "Metrics",
            },
            "pipeline": {"PushToken"},
        }
        for name in TEMPLATES:
            if name in ROLES:
                continue
            for where, document in identity_policies(template(name)):
                broad = {it["Sid"] for it in statements(document) if "*" in listed(it["Resource"])}
                self.assertLessEqual(broad, everywhere.get(name, set()), f"{name} {where}")

    def test_the_read_only_roles_only_read(self):
        for name in ROLES:
            for where, document in identity_policies(template(name)):
                for it in statements(document):
                    for action in it["Action"]:
                        self.assertTrue(action.split(":")[1].startswith(READS), f"{name} {where}: {action}")
                        self.assertIsNone(DATA.search(action), f"{name} {where}: {action}")
                    self.assertEqual(it["Effect"], "Allow")

    def test_the_read_only_roles_have_the_actions_of_the_registry(self):
        for name in ROLES:
            self.assertEqual(actions(granted(name)), member_actions(), name)

    def test_a_category_has_the_actions_of_its_tools(self):
        for name in ROLES:
            by_name = {
                it["Sid"].lower(): set(it["Action"])
                for document in granted(name).values()
                for it in document["Statement"]
            }
            self.assertEqual(by_name, {**categories(), "core": core_actions()}, name)

    def test_every_choice_of_categories_grants_what_it_needs_and_no_more(self):
        known = categories()
        for name in ROLES:
            for chosen in itertools.product(("yes", "no"), repeat=len(known)):
                choice = dict(zip(known, chosen, strict=True))
                wanted = core_actions().union(*(known[it] for it, on in choice.items() if on == "yes"))
                documents = granted(name, **{it.capitalize(): on for it, on in choice.items()})
                self.assertEqual(actions(documents), wanted, f"{name} {choice}")
                for policy, document in documents.items():
                    self.assertTrue(document["Statement"], f"{name} {choice}: {policy} is empty, which AWS refuses")

    def test_policies_fit(self):
        for name in ROLES:
            for policy, document in granted(name).items():
                self.assertLessEqual(len(re.sub(r"\s", "", json.dumps(document))), 6_144, f"{name} {policy}")

    def test_the_scanner_has_the_actions_of_the_registry(self):
        (role,) = resources(template("scanner"), "AWS::IAM::Role").values()
        (ask,) = (it["PolicyDocument"] for it in role["Policies"] if it["PolicyName"] == "ask")
        wanted = read_json("docs/scanner-policy.json")
        wanted["Statement"][1]["Resource"] = {"Fn::Sub": "arn:${AWS::Partition}:iam::*:role/${MemberRoleName}"}
        self.assertEqual(ask, wanted)


class Trust(unittest.TestCase):
    def test_the_member_role_admits_one_role_of_one_organization(self):
        (role,) = resources(template("member-role"), "AWS::IAM::Role").values()
        (it,) = role["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual(it["Principal"], {"AWS": {"Ref": "ScannerPrincipalArn"}})
        self.assertEqual(it["Action"], "sts:AssumeRole")
        self.assertEqual(set(it["Condition"]), {"StringEquals"})
        self.assertEqual(it["Condition"]["StringEquals"]["aws:PrincipalOrgID"], {"Ref": "OrganizationId"})
        pattern = template("member-role")["Parameters"]["ScannerPrincipalArn"]["AllowedPattern"]
        self.assertRegex("arn:aws:iam::111122223333:role/OrgscanScanner", pattern)
        for refused in ("arn:aws:iam::111122223333:root", "111122223333", "*", "arn:aws:iam::*:role/OrgscanScanner"):
            self.assertNotRegex(refused, pattern)

    def test_no_role_is_open_to_everyone(self):
        for name in TEMPLATES:
            for where, it in resources(template(name), "AWS::IAM::Role").items():
                for statement in statements(it["AssumeRolePolicyDocument"]):
                    self.assertNotIn("*", json.dumps(statement["Principal"]), f"{name} {where}")

    def test_services_are_bound_to_this_account(self):
        for name in TEMPLATES:
            for where, it in resources(template(name), "AWS::IAM::Role").items():
                for statement in statements(it["AssumeRolePolicyDocument"]):
                    if "Service" in statement["Principal"]:
                        bound = statement["Condition"]["StringEquals"]["aws:SourceAccount"]
                        self.assertEqual(bound, {"Ref": "AWS::AccountId"}, f"{name} {where}")

    def test_sessions_last_an_hour(self):
        for name in (*ROLES, "scanner"):
            (role,) = resources(template(name), "AWS::IAM::Role").values()
            self.assertEqual(role["MaxSessionDuration"], 3600, name)


class Storage(unittest.TestCase):
    def test_buckets_are_private_encrypted_and_forget(self):
        found = 0
        for name in TEMPLATES:
            for bucket, it in resources(template(name), "AWS::S3::Bucket").items():
                found += 1
                where = f"{name} {bucket}"
                self.assertEqual(set(it["PublicAccessBlockConfiguration"].values()), {True}, where)
                self.assertEqual(len(it["PublicAccessBlockConfiguration"]), 4, where)
                (rule,) = it["BucketEncryption"]["ServerSideEncryptionConfiguration"]
                self.assertIn(rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"], ("AES256", "aws:kms"), where)
                self.assertEqual(it["OwnershipControls"]["Rules"], [{"ObjectOwnership": "BucketOwnerEnforced"}], where)
                lifecycle = json.dumps(it["LifecycleConfiguration"])
                self.assertIn("ExpirationInDays", lifecycle, where)
                self.assertIn("AbortIncompleteMultipartUpload", lifecycle, where)
        self.assertEqual(found, 2)

    def test_buckets_are_reached_over_tls_only(self):
        for name in TEMPLATES:
            parsed = template(name)
            policies = {it["Bucket"]["Ref"]: it for it in resources(parsed, "AWS::S3::BucketPolicy").values()}
            self.assertEqual(set(policies), set(resources(parsed, "AWS::S3::Bucket")), name)
            for bucket, it in policies.items():
                (statement,) = it["PolicyDocument"]["Statement"]
                self.assertEqual(
                    (statement["Effect"], statement["Principal"], statement["Action"], statement["Condition"]),
                    ("Deny", "*", "s3:*", {"Bool": {"aws:SecureTransport": "false"}}),
                )
                everything = [{"Fn::GetAtt": [bucket, "Arn"]}, {"Fn::Sub": f"${{{bucket}.Arn}}/*"}]
                self.assertEqual(statement["Resource"], everything)

    def test_records_have_versions(self):
        (it,) = resources(template("scanner"), "AWS::S3::Bucket").values()
        self.assertEqual(it["VersioningConfiguration"], {"Status": "Enabled"})

    def test_topics_are_encrypted_with_a_key_that_their_senders_may_use(self):
        parsed = template("monitoring")
        (topic,) = resources(parsed, "AWS::SNS::Topic").values()
        self.assertEqual(topic["KmsMasterKeyId"], {"Fn::GetAtt": ["TopicKey", "Arn"]})
        (key,) = resources(parsed, "AWS::KMS::Key").values()
        self.assertIs(key["EnableKeyRotation"], True)
        may = {
            it["Principal"]["Service"]: set(it["Action"])
            for it in key["KeyPolicy"]["Statement"]
            if "Service" in it["Principal"]
        }
        needed = {"kms:Decrypt", "kms:GenerateDataKey"}
        self.assertEqual(may, {"cloudwatch.amazonaws.com": needed, "events.amazonaws.com": needed})

    def test_images_are_scanned_and_never_replaced(self):
        (it,) = resources(template("pipeline"), "AWS::ECR::Repository").values()
        self.assertEqual(it["ImageScanningConfiguration"], {"ScanOnPush": True})
        self.assertEqual(it["ImageTagMutability"], "IMMUTABLE")
        kept = json.loads(it["LifecyclePolicy"]["LifecyclePolicyText"]["Fn::Sub"].replace("${ImagesKept}", "20"))
        self.assertEqual([rule["selection"]["tagStatus"] for rule in kept["rules"]], ["untagged", "any"])

    def test_the_image_is_built_on_arm_from_its_own_dockerfile(self):
        (it,) = resources(template("pipeline"), "AWS::CodeBuild::Project").values()
        self.assertEqual(it["Environment"]["Type"], "ARM_CONTAINER")
        self.assertIn("--file Dockerfile.agentcore", it["Source"]["BuildSpec"])
        self.assertIn("--platform linux/arm64", it["Source"]["BuildSpec"])

    def test_passwords_and_tokens_of_the_pool(self):
        parsed = template("scanner")
        (pool,) = resources(parsed, "AWS::Cognito::UserPool").values()
        self.assertEqual(
            (pool["MfaConfiguration"], pool["AdminCreateUserConfig"]), ("ON", {"AllowAdminCreateUserOnly": True})
        )
        (client,) = resources(parsed, "AWS::Cognito::UserPoolClient").values()
        self.assertEqual((client["GenerateSecret"], client["AllowedOAuthFlows"]), (False, ["code"]))
