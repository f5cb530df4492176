"""Every CloudFormation template is well formed, and keeps the rules of this project."""

import json
import pathlib
import re
import subprocess
import sys
import unittest

from repository import NO_VALUE, ROOT, CommandLine, TEMPLATES, categories, listed, read, resources, template, walk

ROLES = ("member-role", "single-account")


class Form(unittest.TestCase):
    def each(self):
        return [(name, template(name)) for name in TEMPLATES]

    def test_cfn_lint_is_silent(self):
        files = [str(ROOT / f"cloudformation/{it}.yaml") for it in TEMPLATES]
        ran = subprocess.run(
            [pathlib.Path(sys.executable).parent / "cfn-lint", *files], capture_output=True, text=True, check=False
        )
        self.assertEqual((ran.stdout + ran.stderr, ran.returncode), ("", 0))

    def test_all_are_there(self):
        self.assertLessEqual(
            {"member-role", "organization", "scanner", "single-account", "pipeline", "runtime", "monitoring"},
            set(TEMPLATES),
        )

    def test_each_says_what_it_is(self):
        for name, parsed in self.each():
            self.assertLess(20, len(parsed["Description"]), name)
            self.assertTrue(parsed["Outputs"], name)

    def test_there_are_no_macros(self):
        for name, parsed in self.each():
            self.assertFalse([it for it in walk(parsed) if {"Transform", "Fn::Transform"} & set(it)], name)

    def test_the_console_shows_every_parameter_in_a_group(self):
        for name, parsed in self.each():
            groups = parsed["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
            shown = [it for group in groups for it in group["Parameters"]]
            self.assertCountEqual(shown, parsed["Parameters"], name)

    def test_every_parameter_is_described_and_checked(self):
        for name, parsed in self.each():
            for parameter, it in parsed["Parameters"].items():
                self.assertTrue(it.get("Description", "").endswith("."), parameter)
                checked = {"AllowedPattern", "AllowedValues", "MinValue"} & set(it)
                self.assertTrue(checked or parameter == "JwtClientIds", f"{name}: {parameter} takes anything")
                if "AllowedPattern" in it:
                    pattern = it["AllowedPattern"]
                    self.assertTrue(pattern.startswith("^") and pattern.endswith("$"), f"{parameter} is not anchored")
                    for default in str(it.get("Default", "")).split(",") if "Default" in it else []:
                        self.assertRegex(default, pattern, f"{name}: the default of {parameter} is refused")

    def test_what_happens_at_deletion_is_said_of_every_resource(self):
        for name, parsed in self.each():
            for resource, it in parsed["Resources"].items():
                self.assertIn(it.get("DeletionPolicy"), ("Delete", "Retain"), f"{name} {resource}")
                self.assertEqual(it["DeletionPolicy"], it.get("UpdateReplacePolicy"), f"{name} {resource}")

    def test_what_can_be_tagged_is_tagged(self):
        bare = {
            "AWS::CloudWatch::Alarm",
            "AWS::Cognito::UserPoolClient",
            "AWS::Cognito::UserPoolDomain",
            "AWS::Events::Rule",
            "AWS::IAM::ManagedPolicy",
            "AWS::S3::BucketPolicy",
            "AWS::SNS::Subscription",
            "AWS::SNS::TopicPolicy",
        }
        for name, parsed in self.each():
            for resource, it in parsed["Resources"].items():
                tagged = {"Tags", "UserPoolTags"} & set(it["Properties"])
                self.assertTrue(tagged or it["Type"] in bare, f"{name}: {resource} has no tags")

    def test_outputs_name_parameters_that_exist(self):
        for name, parsed in self.each():
            for output, it in parsed["Outputs"].items():
                for parameter, other in re.findall(r"arameter (\w+) of ([\w-]+)\.yaml", it["Description"]):
                    self.assertIn(parameter, template(other)["Parameters"], f"{name}: output {output}")

    def test_comments_name_files_and_parameters_that_exist(self):
        for name, _ in self.each():
            for file in re.findall(r"\b([\w-]+)\.yaml\b", read(f"cloudformation/{name}.yaml")):
                self.assertIn(file, TEMPLATES, name)

    def test_parameters_of_the_same_name_are_the_same(self):
        seen = {}
        own = {"RoleName", "ExternalId"}  # what they are for differs with the template
        for name, parsed in self.each():
            for parameter, it in parsed["Parameters"].items():
                first, known = seen.setdefault(parameter, (name, it))
                if parameter not in own:
                    self.assertEqual(
                        it.get("AllowedPattern"), known.get("AllowedPattern"), f"{parameter}: {first}, {name}"
                    )
                    self.assertEqual(it.get("Default"), known.get("Default"), f"{parameter}: {first}, {name}")


class Roles(unittest.TestCase):
    def test_categories_are_parameters(self):
        wanted = {it.capitalize() for it in categories()}
        for name in (*ROLES, "organization"):
            parameters = template(name)["Parameters"]
            chosen = {key: it for key, it in parameters.items() if it.get("AllowedValues") == ["yes", "no"]}
            self.assertEqual(set(chosen), wanted, name)
            self.assertEqual({it["Default"] for it in chosen.values()}, {"yes"}, name)

    def test_the_role_fits_into_one_upload(self):
        for name in ROLES:
            self.assertLess(len(read(f"cloudformation/{name}.yaml").encode()), 51_200)

    def test_a_role_has_no_more_policies_than_aws_attaches(self):
        for name in ROLES:
            self.assertLessEqual(len(resources(template(name), "AWS::IAM::ManagedPolicy")), 10)

    def test_stack_set_and_nested_stack_pass_every_parameter_on(self):
        parsed = template("organization")
        wanted = set(template("member-role")["Parameters"])
        (stack_set,) = resources(parsed, "AWS::CloudFormation::StackSet").values()
        (nested,) = resources(parsed, "AWS::CloudFormation::Stack").values()
        passed = {it["ParameterKey"]: it["ParameterValue"] for it in stack_set["Parameters"]}
        self.assertEqual(passed, {it: {"Ref": it} for it in wanted})
        self.assertEqual(nested["Parameters"], {it: {"Ref": it} for it in wanted})
        self.assertEqual(stack_set["TemplateURL"], nested["TemplateURL"])

    def test_the_stack_set_is_service_managed_and_deploys_to_one_region(self):
        (it,) = resources(template("organization"), "AWS::CloudFormation::StackSet").values()
        self.assertEqual(it["PermissionModel"], "SERVICE_MANAGED")
        self.assertEqual(it["AutoDeployment"], {"Enabled": True, "RetainStacksOnAccountRemoval": False})
        (group,) = it["StackInstancesGroup"]
        self.assertEqual(len(group["Regions"]), 1)
        self.assertEqual(group["DeploymentTargets"], {"OrganizationalUnitIds": {"Ref": "Targets"}})
        self.assertEqual(it["Capabilities"], ["CAPABILITY_NAMED_IAM"])

    def test_what_a_service_managed_stack_set_may_not_hold_is_not_in_the_role(self):
        parsed = template("member-role")
        self.assertEqual(
            {it["Type"] for it in parsed["Resources"].values()}, {"AWS::IAM::Role", "AWS::IAM::ManagedPolicy"}
        )

    def test_the_version_is_the_same_in_tag_and_output(self):
        for name in ROLES:
            parsed = template(name)
            (role,) = resources(parsed, "AWS::IAM::Role").values()
            self.assertEqual(
                role["Tags"],
                [{"Key": "orgscan:template-version", "Value": parsed["Outputs"]["TemplateVersion"]["Value"]}],
            )


class Runtime(unittest.TestCase):
    def setUp(self):
        (self.runtime,) = resources(template("runtime"), "AWS::BedrockAgentCore::Runtime").values()

    def test_it_serves_mcp_and_gets_its_headers(self):
        self.assertEqual(self.runtime["ProtocolConfiguration"], "MCP")
        headers = self.runtime["RequestHeaderConfiguration"]["RequestHeaderAllowlist"]
        self.assertEqual(headers, ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"])

    def test_its_variables_are_orgscans(self):
        self.assertLessEqual(set(self.runtime["EnvironmentVariables"]), CommandLine().variables)


class Monitoring(unittest.TestCase):
    def test_alarms_read_the_metrics_of_the_runtime(self):
        alarms = resources(template("monitoring"), "AWS::CloudWatch::Alarm")
        metrics = {}
        for it in alarms.values():
            for metric in walk(it):
                if "MetricName" in metric:
                    self.assertEqual(metric["Namespace"], "AWS/Bedrock-AgentCore")
                    metrics[metric["MetricName"]] = [dimension["Name"] for dimension in metric["Dimensions"]]
        self.assertEqual(
            metrics,
            dict.fromkeys(["SystemErrors", "UserErrors", "Throttles", "Latency"], ["Operation", "Name", "Resource"]),
        )
        for name, it in alarms.items():
            self.assertEqual(it["AlarmActions"], [{"Ref": "Topic"}], name)


class OwnReader(unittest.TestCase):
    """The reader of these tests is a test's foundation, so it is looked at as well."""

    def test_short_tags_are_written_out(self):
        parsed = template("member-role")
        statements = parsed["Resources"]["ReadPolicy1"]["Properties"]["PolicyDocument"]["Statement"]
        self.assertEqual(statements[1]["Fn::If"][0], "WithCleanup")
        self.assertEqual(statements[1]["Fn::If"][2], NO_VALUE)
        self.assertIsInstance(parsed["AWSTemplateFormatVersion"], str)
        self.assertEqual(parsed["Outputs"]["RoleArn"]["Value"], {"Fn::GetAtt": ["ReadOnlyRole", "Arn"]})
        json.dumps(parsed)
        self.assertEqual(listed("one"), ["one"])
