"""Every example can be read by what it is for, and asks of orgscan only what there is."""

import json
import pathlib
import re
import shlex
import shutil
import subprocess
import textwrap
import unittest
from urllib.parse import parse_qs, unquote, urlsplit

import hcl2

from repository import ROOT, TEMPLATES, CommandLine, categories, core_actions, read, read_json, template

CLIENTS = {"claude-desktop", "claude-code", "cursor", "vscode", "cline", "kiro"}
WAYS = {"stdio", "http", "agentcore-sigv4", "agentcore-oauth"}
# The keys that each client knows, of those that are used here.
LOCAL = {"command", "args", "env"}
KEYS = {
    "claude-desktop": LOCAL,
    "claude-code": {*LOCAL, "type", "url", "headers", "oauth"},
    "cursor": {*LOCAL, "url", "headers", "auth"},
    "vscode": {*LOCAL, "type", "url", "headers", "oauth"},
    "cline": {*LOCAL, "type", "url", "headers", "disabled", "autoApprove", "timeout"},
    "kiro": {*LOCAL, "url", "headers", "oauth", "oauthScopes", "disabled", "autoApprove"},
}
TYPES = {
    "claude-code": {"stdio", "http"},
    "vscode": {"stdio", "http"},
    "cline": {None, "streamableHttp"},
}
# Of mcp-proxy-for-aws-cli 1.7.0 and mcp-remote 0.15.1.
PROXY_FLAGS = {"--service", "--region", "--profile", "--read-only"}
REMOTE_FLAGS = {"--header", "--static-oauth-client-info"}


def clients():
    for path in sorted((ROOT / "examples/clients").iterdir()):
        client, way, kind = path.name.split(".")
        yield path.name, client, way, kind, json.loads(path.read_text())


class Clients(unittest.TestCase):
    def test_every_client_has_every_way(self):
        found = {(client, way) for _, client, way, _, _ in clients()}
        self.assertEqual(found, {(client, way) for client in CLIENTS for way in WAYS})

    def test_each_has_the_form_of_its_client(self):
        for name, client, _, kind, it in clients():
            self.assertEqual(kind, "json", name)
            top = "servers" if client == "vscode" else "mcpServers"
            self.assertLessEqual(set(it), {top, "inputs"} if client == "vscode" else {top}, name)
            self.assertEqual(list(it[top]), ["orgscan"], name)
            server = it[top]["orgscan"]
            self.assertLessEqual(set(server), KEYS[client], name)
            self.assertTrue(("command" in server) != ("url" in server), name)
            self.assertIn(server.get("type"), TYPES.get(client, {None}), name)
            if "type" in server:
                self.assertEqual(server["type"] == "stdio", "command" in server, name)

    def test_what_is_started_exists(self):
        command_line = CommandLine()
        for name, _, way, _, it in clients():
            (server,) = next(value for key, value in it.items() if key != "inputs").values()
            if "command" not in server:
                continue
            command, args = server["command"], server["args"]
            flags = {arg for arg in args if arg.startswith("--")}
            if command == "orgscan":
                self.assertEqual(list(command_line.complaints(args)), [], name)
                own = {key for key in server["env"] if not key.startswith("AWS_")}
                self.assertLessEqual(own, command_line.variables, name)
            elif command == "uvx":
                self.assertRegex(args[0], r"^mcp-proxy-for-aws-cli@\d+\.\d+\.\d+$", name)
                self.assertLessEqual(flags, PROXY_FLAGS, name)
                self.assertEqual(way, "agentcore-sigv4", name)
            else:
                self.assertEqual(command, "npx", name)
                self.assertRegex(args[1], r"^mcp-remote@\d+\.\d+\.\d+$", name)
                self.assertLessEqual(flags, REMOTE_FLAGS, name)
                if "--static-oauth-client-info" in args:
                    self.assertIn("client_id", json.loads(args[args.index("--static-oauth-client-info") + 1]), name)

    def test_addresses_are_those_of_orgscan_and_of_agentcore(self):
        for name, _, way, _, it in clients():
            urls = re.findall(r'"(https?://[^"]+)"', json.dumps(it))
            urls = [url for url in urls if "/callback" not in url]
            self.assertEqual(len(urls), 0 if way == "stdio" else 1, name)
            for url in urls:
                parts = urlsplit(url)
                if way == "http":
                    self.assertEqual((parts.path, parts.port), ("/mcp", 8000), name)
                    continue
                runtime, call = re.fullmatch(r"/runtimes/([^/]+)/(\w+)", parts.path).groups()
                region = unquote(runtime).split(":")[3]
                self.assertRegex(
                    unquote(runtime), r"^arn:aws:bedrock-agentcore:[a-z0-9-]+:\d{12}:runtime/orgscan-\w{10}$", name
                )
                self.assertEqual(parts.hostname, f"bedrock-agentcore.{region}.amazonaws.com", name)
                self.assertEqual((call, parse_qs(parts.query)), ("invocations", {"qualifier": ["DEFAULT"]}), name)

    def test_tokens_go_in_the_authorization_header(self):
        for name, _, way, _, it in clients():
            self.assertEqual("Bearer " in json.dumps(it), way == "http", name)

    def test_callbacks_are_in_the_table_and_the_template_takes_them(self):
        readme = read("examples/README.md")
        table = re.findall(
            r"`((?:https?|cursor)://[^`]+)`", readme.split("| client | `CallbackUrls` |")[1].split("\n\n")[0]
        )
        self.assertEqual(len(table), 4)
        pattern = template("scanner")["Parameters"]["CallbackUrls"]["AllowedPattern"]
        for url in table:
            self.assertRegex(url, pattern)
        self.assertNotRegex("http://example.com/callback", pattern)
        for name, client, way, _, it in clients():
            text = json.dumps(it)
            if way == "agentcore-oauth" and client in ("claude-code", "kiro"):
                self.assertIn("8765", text, name)
            if way == "agentcore-oauth" and "mcp-remote" in text:
                self.assertIn('"3334"', text, name)


class CategorySets(unittest.TestCase):
    def test_each_names_categories_and_shrinks_the_role_to_them(self):
        known = set(categories())
        sets = sorted((ROOT / "examples/categories").glob("*.env"))
        self.assertTrue(sets)
        for path in sets:
            lines = [it for it in path.read_text().splitlines() if it and not it.startswith("#")]
            settings = dict(it.split("=", 1) for it in lines)
            self.assertLessEqual(set(settings), CommandLine().variables, path.name)
            chosen = settings["MCP_TOOL_CATEGORIES"].split(",")
            self.assertLessEqual(set(chosen), known, path.name)
            parameters = {
                it["ParameterKey"]: it["ParameterValue"]
                for it in json.loads(path.with_suffix(".parameters.json").read_text())
            }
            self.assertEqual(parameters, {it.capitalize(): "yes" if it in chosen else "no" for it in known}, path.name)


class Terraform(unittest.TestCase):
    def setUp(self):
        self.files = sorted((ROOT / "examples/terraform").rglob("*.tf"))

    def test_it_parses(self):
        self.assertGreaterEqual(len(self.files), 5)
        for path in self.files:
            self.assertTrue(hcl2.loads(path.read_text()), path)

    def test_it_is_formatted(self):
        terraform = shutil.which("terraform")
        if terraform is None:
            self.skipTest("there is no terraform")
        ran = subprocess.run(
            [terraform, "fmt", "-check", "-recursive", "-diff", ROOT / "examples/terraform"],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual((ran.stdout, ran.returncode), ("", 0))

    def test_the_copy_of_the_policy_is_the_policy(self):
        copy = "examples/terraform/member-role/member-policy.json"
        self.assertEqual(read(copy), read("docs/member-policy.json"))

    def test_the_smaller_policy_is_what_its_categories_need(self):
        (statement,) = read_json("examples/terraform/cleanup-and-storage.json")["Statement"]
        wanted = core_actions() | categories()["cleanup"] | categories()["storage"]
        self.assertEqual(set(statement["Action"]), wanted)

    def test_it_trusts_and_tags_as_the_template_does(self):
        main = read("examples/terraform/member-role/main.tf")
        for said in ('variable = "aws:PrincipalOrgID"', 'variable = "sts:ExternalId"', "max_session_duration = 3600"):
            self.assertIn(said, main)
        version = template("member-role")["Outputs"]["TemplateVersion"]["Value"]
        self.assertIn(f'"orgscan:template-version" = "{version}"', main)

    def test_the_example_gives_the_module_what_it_asks_for(self):
        module = read("examples/terraform/member-role/variables.tf")
        known = set(re.findall(r'^variable "(\w+)"', module, re.M))
        for block in re.findall(r"^module .*?^}", read("examples/terraform/main.tf"), re.M | re.S):
            given = set(re.findall(r"^  (\w+)\s+=", block, re.M)) - {"source", "providers"}
            self.assertLessEqual(given, known)
            self.assertLessEqual({"scanner_principal_arn", "organization_id"}, given)


def shell_blocks(path):
    """The commands that a document shows, each on one line."""
    for _, block in re.findall(r"^( *)```sh\n(.*?)^\1```", read(path), re.M | re.S):
        yield textwrap.dedent(block).replace("\\\n", " ")


class Prose(unittest.TestCase):
    """Documents of the rollout name commands, flags, variables, files and parameters that exist."""

    FILES = ("docs/rollout.md", "docs/security.md", "examples/README.md")

    def test_links_lead_somewhere(self):
        for path in self.FILES:
            folder = (ROOT / path).parent
            for link in re.findall(r"\]\((?!https?://|#)([^)#]+)[^)]*\)", read(path)):
                self.assertTrue((folder / link).exists(), f"{path}: {link}")

    def test_everything_in_examples_is_listed(self):
        readme = read("examples/README.md")
        for path in (ROOT / "examples").rglob("*"):
            relative = path.relative_to(ROOT / "examples")
            if path.is_dir() or relative == pathlib.Path("README.md"):
                continue
            name = str(relative)
            if name.startswith("clients/"):
                name = relative.name.split(".")[0] + ".*.json"
            elif name.startswith("categories/"):
                name = "categories/" + relative.name.split(".")[0]
            elif name.startswith("terraform/member-role/"):
                name = "terraform/member-role)"
            self.assertIn(name, readme)

    def test_commands_of_orgscan_exist(self):
        command_line = CommandLine()
        for path in self.FILES:
            text = read(path)
            shown = re.findall(r"`(orgscan [^`]+)`", text)
            for block in shell_blocks(path):
                shown += re.findall(r"^(orgscan .*)$", block, re.M)
            for command in shown:
                words = [it for it in shlex.split(command, comments=True)[1:] if it not in ("...", ">", "|")]
                self.assertEqual(list(command_line.complaints(words)), [], f"{path}: {command}")

    def test_variables_of_orgscan_exist(self):
        known = CommandLine().variables
        for path in self.FILES:
            for name in re.findall(r"\b(ORGSCAN_[A-Z_]+|MCP_[A-Z_]+)\b", read(path)):
                self.assertIn(name, known, path)

    def test_templates_and_parameters_in_commands_exist(self):
        for path in self.FILES:
            for block in shell_blocks(path):
                for command in re.findall(r"^aws .*$", block, re.M):
                    named = re.search(r"cloudformation/([\w-]+)\.yaml", command)
                    if " cloudformation deploy " not in command:
                        continue
                    self.assertIn(named.group(1), TEMPLATES, f"{path}: {command}")
                    parsed = template(named.group(1))
                    overrides = command.partition("--parameter-overrides")[2]
                    given = {it.split("=")[0] for it in shlex.split(overrides) if re.match(r"^[A-Z]\w+=", it)}
                    self.assertLessEqual(given, set(parsed["Parameters"]), f"{path}: {command}")
                    needed = {key for key, it in parsed["Parameters"].items() if "Default" not in it}
                    self.assertLessEqual(needed, given, f"{path}: {command}")
                    kinds = {it["Type"] for it in parsed["Resources"].values()}
                    if "AWS::CloudFormation::Stack" in kinds or any("::IAM::" in it for it in kinds):
                        self.assertIn("--capabilities CAPABILITY_NAMED_IAM", command, f"{path}: {command}")
