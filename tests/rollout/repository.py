"""What the tests read: templates with their short tags written out, and what the sources say of the command line."""

import json
import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).parents[2]
TEMPLATES = sorted(it.stem for it in (ROOT / "cloudformation").glob("*.yaml"))


def read(path):
    return (ROOT / path).read_text()


def read_json(path):
    return json.loads(read(path))


class _Loader(yaml.SafeLoader):
    """YAML as CloudFormation writes it: `!Ref x` for `{Ref: x}`; dates stay text."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _short_tag(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _short_tag)


def template(name):
    return yaml.load(read(f"cloudformation/{name}.yaml"), _Loader)


def resources(parsed, kind):
    """The properties of all resources of a kind, by their names in the template."""
    found = parsed["Resources"].items()
    return {name: it["Properties"] for name, it in found if it["Type"] == kind}


def walk(value):
    """Every object in a document."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for it in value:
            yield from walk(it)


def listed(value):
    return value if isinstance(value, list) else [value]


NO_VALUE = {"Ref": "AWS::NoValue"}


def resolve(value, parameters, conditions):
    """A part of a template with its choices made; other functions stay as they are."""
    if isinstance(value, list):
        return [it for it in (resolve(it, parameters, conditions) for it in value) if it != NO_VALUE]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        name, yes, no = value["Fn::If"]
        return resolve(yes if holds(conditions[name], parameters, conditions) else no, parameters, conditions)
    if set(value) == {"Ref"} and value["Ref"] in parameters:
        return parameters[value["Ref"]]
    resolved = {key: resolve(it, parameters, conditions) for key, it in value.items()}
    return {key: it for key, it in resolved.items() if it != NO_VALUE}


def holds(condition, parameters, conditions):
    """Whether a condition of a template is true."""
    ((name, value),) = condition.items()
    if name == "Condition":
        return holds(conditions[value], parameters, conditions)
    if name == "Fn::Equals":
        first, second = (resolve(it, parameters, conditions) for it in value)
        return first == second
    if name == "Fn::Not":
        return not holds(value[0], parameters, conditions)
    if name == "Fn::Or":
        return any(holds(it, parameters, conditions) for it in value)
    raise ValueError(name)


def categories():
    """The actions of each category, as docs/tools.md has them."""
    found, current = {}, None
    for line in read("docs/tools.md").splitlines():
        if line.startswith("## "):
            current = found.setdefault(line[3:].strip(), set())
        elif line.startswith("* Needs "):
            current.update(re.findall(r"`([a-z0-9-]+:\w+)`", line))
    return found


def member_actions():
    return {it for statement in read_json("docs/member-policy.json")["Statement"] for it in statement["Action"]}


def core_actions():
    """What is needed whatever tools are chosen. The tags of findings are looked up with what a tool needs too."""
    return member_actions() - set().union(*categories().values()) | {"tag:GetResources"}


def _kebab(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).replace("_", "-").lower()


class CommandLine:
    """The subcommands, flags and variables of orgscan, read from its sources."""

    def __init__(self):
        sources = "\n".join(it.read_text() for it in sorted((ROOT / "src/cli").glob("*.rs")))
        commands = re.search(r"enum Command \{(.*?)\n\}", sources, re.S).group(1)
        self.commands = {_kebab(it) for it in re.findall(r"^    ([A-Z]\w+)\(", commands, re.M)}
        self.flags, self.variables = {"--help", "--version"}, set()
        for attribute, field in re.findall(r"#\[arg\((.*?)\)\]\s+(?:pub\S*\s+)?(\w+):", sources, re.S):
            named = re.search(r'\blong = "([\w-]+)"', attribute)
            if named or re.search(r"\blong\b", attribute):
                self.flags.add("--" + (named.group(1) if named else _kebab(field)))
            short = re.search(r"\bshort = '(\w)'", attribute)
            if short or re.search(r"\bshort\b", attribute):
                self.flags.add("-" + (short.group(1) if short else field[0]))
            self.variables.update(re.findall(r'\benv = "(\w+)"', attribute))

    def complaints(self, words):
        """What orgscan would not understand in its arguments."""
        if words and not words[0].startswith("-") and words[0] not in self.commands:
            yield f"no command {words[0]}"
        for word in words:
            flag = word.split("=", 1)[0]
            if flag.startswith("-") and flag not in self.flags:
                yield f"no flag {flag}"
