"""AgentCore's own tools take the configuration files as they are meant, and ignore nothing in them."""

import pathlib
import typing
import unittest

import jsonschema
import yaml
from bedrock_agentcore_starter_toolkit.utils.runtime.config import load_config
from bedrock_agentcore_starter_toolkit.utils.runtime.schema import BedrockAgentCoreConfigSchema
from pydantic import BaseModel

from repository import ROOT, CommandLine, read, read_json

YAML = [
    ".bedrock_agentcore.yaml",
    *sorted(str(it.relative_to(ROOT)) for it in (ROOT / "examples/agentcore").glob("*.yaml")),
]
JSON = [
    "agentcore/agentcore.json",
    *sorted(str(it.relative_to(ROOT)) for it in (ROOT / "examples/agentcore").glob("*.json")),
]
HEADERS = ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"]


def unknown_to_toolkit(model, data, path=""):
    """Keys that the toolkit would ignore: it says nothing of them."""
    for key, value in data.items():
        field = model.model_fields.get(key)
        if field is None:
            yield path + key
            continue
        inner = [it for it in (field.annotation, *typing.get_args(field.annotation)) if isinstance(it, type)]
        inner = [it for it in inner if issubclass(it, BaseModel)]
        if inner and typing.get_origin(field.annotation) is dict:
            for name, it in value.items():
                yield from unknown_to_toolkit(inner[0], it, f"{path}{key}.{name}.")
        elif inner and isinstance(value, dict):
            yield from unknown_to_toolkit(inner[0], value, f"{path}{key}.")


class StarterToolkit(unittest.TestCase):
    def test_it_loads_every_file_as_mcp_on_arm64(self):
        for path in YAML:
            agent = load_config(pathlib.Path(ROOT / path), autofill_missing_aws=False).get_agent_config()
            self.assertEqual(agent.validate(for_local=False), [], path)
            self.assertEqual(agent.aws.protocol_configuration.server_protocol, "MCP", path)
            self.assertEqual((agent.platform, agent.deployment_type), ("linux/arm64", "container"), path)
            self.assertEqual(agent.request_header_configuration, {"requestHeaderAllowlist": HEADERS}, path)
            self.assertFalse(agent.aws.execution_role_auto_create or agent.aws.ecr_auto_create, path)

    def test_it_knows_every_key(self):
        for path in YAML:
            unknown = list(unknown_to_toolkit(BedrockAgentCoreConfigSchema, yaml.safe_load(read(path))))
            self.assertEqual(unknown, [], path)

    def test_the_check_for_unknown_keys_finds_one(self):
        raw = yaml.safe_load(read(YAML[0]))
        raw["agents"]["orgscan"]["aws"]["ecr"] = "auto"
        raw["agents"]["orgscan"]["description"] = "ignored"
        unknown = set(unknown_to_toolkit(BedrockAgentCoreConfigSchema, raw))
        self.assertEqual(unknown, {"agents.orgscan.aws.ecr", "agents.orgscan.description"})

    def test_the_variants_are_what_their_names_say(self):
        agents = {
            it: load_config(pathlib.Path(ROOT / it), autofill_missing_aws=False).get_agent_config() for it in YAML
        }
        for path, agent in agents.items():
            self.assertEqual(bool(agent.authorizer_configuration), ".jwt." in path, path)
            mode = agent.aws.network_configuration.network_mode
            self.assertEqual(mode, "VPC" if ".vpc." in path else "PUBLIC", path)


class Command(unittest.TestCase):
    """The schema is that of npm's @aws/agentcore; how to make it anew is said in agentcore.schema.json."""

    def setUp(self):
        self.schema = _strict(read_json("tests/rollout/agentcore.schema.json"))

    def test_every_file_fits_the_schema_and_has_no_other_keys(self):
        for path in JSON:
            errors = [
                f"{it.json_path}: {it.message}"
                for it in jsonschema.Draft202012Validator(self.schema).iter_errors(read_json(path))
            ]
            self.assertEqual(errors, [], path)

    def test_it_says_mcp_from_the_dockerfile(self):
        for path in JSON:
            (runtime,) = read_json(path)["runtimes"]
            self.assertEqual((runtime["protocol"], runtime["build"]), ("MCP", "Container"), path)
            self.assertTrue((ROOT / runtime["dockerfile"]).is_file(), path)
            self.assertEqual(runtime["requestHeaderAllowlist"], HEADERS, path)
            self.assertEqual(runtime["authorizerType"], "CUSTOM_JWT" if ".jwt." in path else "AWS_IAM", path)
            self.assertEqual("authorizerConfiguration" in runtime, ".jwt." in path, path)
            self.assertEqual(runtime["networkMode"], "VPC" if ".vpc." in path else "PUBLIC", path)
            self.assertLessEqual({it["name"] for it in runtime["envVars"]}, CommandLine().variables, path)

    def test_an_unknown_key_and_a_wrong_value_are_found(self):
        for spoil in ({"descripton": "x"}, {"protocol": "REST"}, {"networkConfig": {"subnets": []}}):
            project = read_json(JSON[0])
            project["runtimes"][0].update(spoil)
            self.assertFalse(jsonschema.Draft202012Validator(self.schema).is_valid(project), spoil)


def _strict(schema):
    """The schema with no room for keys that it does not name."""
    if isinstance(schema, list):
        return [_strict(it) for it in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(it) for key, it in schema.items()}
    if strict.get("type") == "object" and "properties" in strict:
        strict.setdefault("additionalProperties", False)
    return strict
