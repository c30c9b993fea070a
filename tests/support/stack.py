"""The deployment's template as data: read, expanded with aws-sam-translator, its conditions and functions resolved.

    stack = Stack(LogBucketName="logs", TimeoutSeconds="60")
    stack.properties("Queue")["VisibilityTimeout"]  # 360
    stack.properties("FailedStepRule")["Targets"][0]["Arn"]  # "${Queue.Arn}"

What only a deployed stack knows stays a mark of the form that Fn::Sub has: `${Queue.Arn}`, `${Table}`, `${AWS::Region}`;
a part of one, by Fn::Split and Fn::Select, is `${FunctionAlias#7}`. `Stack.made` gives such values. Parameters that
CloudFormation would refuse, by their own declaration or by a rule of the template, are a `ParameterError`.
"""

import functools
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "lambda" / "template.yaml"
TOOLS = ROOT / "build" / "template" / "venv" / "bin"
PACKAGE = "s3://bucket/package.zip"
REGION = "us-east-1"
RULE_FUNCTIONS = {"Fn::And", "Fn::Contains", "Fn::Equals", "Fn::Not", "Fn::Or", "Ref"}
"""Of what CloudFormation knows in rules, which is less than elsewhere, what `Stack` evaluates."""
REQUIRED = {"LogBucketName": "emr-logs"}
NOTHING = object()


def run_tool(name, *arguments, given=None):
    """Run a program of the tools' own environment, without the network; fails when it was not made."""
    program = TOOLS / name
    assert program.exists(), f"{program} is missing: run `make build/template/venv/.ready` (`make test` does)"
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(ROOT / "build" / "template"),
        "LANG": "C.UTF-8",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "HTTPS_PROXY": "http://127.0.0.1:9",  # nobody listens: a tool that asks the network is refused
        "HTTP_PROXY": "http://127.0.0.1:9",
        "BC_SKIP_MAPPING": "TRUE",
        "CHECKOV_RUN_SCA_PACKAGE_SCAN_V2": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [program, *arguments],
        env=environ,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as their long ones."""


def _long_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


@functools.cache
def _read():
    return json.dumps(yaml.load(TEMPLATE.read_text(), _Loader))  # noqa: S506 - a SafeLoader


def read():
    """The template, with long forms only."""
    return json.loads(_read())


@functools.cache
def _expanded(given):
    done = run_tool("python", str(Path(__file__).with_name("expansion.py")), given=given)
    assert done.returncode == 0, done.stderr
    return done.stdout


def expand(template, **parameters):
    """Expand a template that was read; the package counts as uploaded."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = PACKAGE
    given = {"template": template, "parameters": {**REQUIRED, **parameters}}
    return json.loads(_expanded(json.dumps(given)))


class ParameterError(ValueError):
    """CloudFormation would refuse the value."""


def _checked(name, declared, value):
    items = [i.strip() for i in value.split(",")] if declared["Type"] == "CommaDelimitedList" else [value]
    allowed = [str(v) for v in declared.get("AllowedValues", [])]
    for item in items:
        if allowed and item not in allowed:
            raise ParameterError(f"{name}: {item!r} is none of {allowed}")
        if not re.fullmatch(declared.get("AllowedPattern", "(?s:.*)"), item):
            raise ParameterError(f"{name}: {item!r} has another form")
    if declared["Type"] == "Number":
        if (
            not declared.get("MinValue", float(value))
            <= float(value)
            <= declared.get("MaxValue", float(value))
        ):
            raise ParameterError(f"{name}: {value} is out of range")
        return int(value)
    return items if declared["Type"] == "CommaDelimitedList" else value


@dataclass(frozen=True)
class _Parts:
    """What comes of splitting a mark."""

    name: str


class Stack:
    """The expanded template under given parameters."""

    def __init__(self, **parameters):
        source = read()
        unknown = set(parameters) - set(source["Parameters"])
        assert not unknown, unknown
        given = {**REQUIRED, **{name: str(value) for name, value in parameters.items()}}
        self.template = expand(source)  # the same under all parameters, see tests/lambda/test_template.py
        self._values = {
            name: _checked(name, declared, given[name] if name in given else str(declared["Default"]))
            for name, declared in self.template["Parameters"].items()
        }
        self._broken_rule(source["Rules"])
        self.resources = {
            name: resource
            for name, resource in self.template["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    def _broken_rule(self, rules):
        for name, rule in rules.items():
            if "RuleCondition" in rule and not self._judged(rule["RuleCondition"]):
                continue
            for assertion in rule["Assertions"]:
                if not self._judged(assertion["Assert"]):
                    raise ParameterError(f"{name}: {assertion['AssertDescription']}")

    def _judged(self, value):
        """Evaluate within a rule: the region is known, and numbers are text."""
        if isinstance(value, list):
            return [self._judged(item) for item in value]
        if not isinstance(value, dict):
            return value
        ((key, argument),) = value.items()
        assert key in RULE_FUNCTIONS, f"{key} is not known in rules here"
        if key == "Ref":
            return REGION if argument == "AWS::Region" else self._values[argument]
        given = self._judged(argument)
        if key == "Fn::Contains":
            return str(given[1]) in given[0]
        if key == "Fn::Equals":
            return str(given[0]) == str(given[1])
        return {"Fn::Not": lambda: not given[0], "Fn::And": lambda: all(given), "Fn::Or": lambda: any(given)}[
            key
        ]()

    def made(self, **values):
        """Give physical ids by logical ones, and pseudo parameters by `AWS_StackId` for `AWS::StackId`."""
        self._values |= {name.replace("AWS_", "AWS::"): value for name, value in values.items()}
        return self

    def holds(self, condition):
        """Whether a condition holds."""
        return self.resolve(self.template["Conditions"][condition])

    def properties(self, name):
        """A resource's properties, resolved."""
        return self.resolve(self.resources[name].get("Properties", {}))

    def of_type(self, kind):
        """Resolved properties by name of every resource of a type."""
        return {name: self.properties(name) for name, r in self.resources.items() if r["Type"] == kind}

    def resolved(self):
        """The whole template with nothing left to decide, for a tool that can't decide."""
        resources = {
            name: {"Type": r["Type"], "Properties": self.properties(name), "Metadata": r.get("Metadata", {})}
            for name, r in self.resources.items()
        }
        return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}

    def outputs(self):
        """Outputs by name."""
        return {name: self.resolve(output["Value"]) for name, output in self.template["Outputs"].items()}

    def resolve(self, value):
        """Evaluate what is known before a deployment."""
        if isinstance(value, list):
            return [v for v in map(self.resolve, value) if v is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Ref":
                return self._ref(argument)
            if key == "Condition" and isinstance(argument, str):
                return self.holds(argument)
            if key.startswith("Fn::"):
                return getattr(self, "_" + key[4:].lower())(argument)
        resolved = {k: self.resolve(v) for k, v in value.items()}
        return {k: v for k, v in resolved.items() if v is not NOTHING}

    def _ref(self, name):
        if name == "AWS::NoValue":
            return NOTHING
        return self._values.get(name, f"${{{name}}}")

    def _getatt(self, argument):
        return "${" + (argument if isinstance(argument, str) else ".".join(argument)) + "}"

    def _sub(self, text):
        return re.sub(r"\$\{([\w:.]+)\}", lambda found: str(self._ref(found[1])), text)

    def _if(self, argument):
        condition, yes, no = argument
        return self.resolve(yes if self.holds(condition) else no)

    def _equals(self, argument):
        left, right = map(self.resolve, argument)
        return str(left) == str(right)

    def _not(self, argument):
        return not self.resolve(argument[0])

    def _and(self, argument):
        return all(self.resolve(item) for item in argument)

    def _or(self, argument):
        return any(self.resolve(item) for item in argument)

    def _join(self, argument):
        separator, items = argument
        return separator.join(map(str, self.resolve(items)))

    def _split(self, argument):
        separator, text = argument
        resolved = self.resolve(text)
        mark = re.fullmatch(r"\$\{([\w:.]+)\}", resolved)
        return _Parts(mark[1]) if mark else resolved.split(separator)

    def _select(self, argument):
        index, items = argument
        found = self.resolve(items)
        return f"${{{found.name}#{index}}}" if isinstance(found, _Parts) else found[int(index)]

    def _findinmap(self, argument):
        name, first, second = map(self.resolve, argument)
        return self.template["Mappings"][name][str(first)][second]


def without(template, kinds):
    """A template less all resources of some types: what refers to one gets a made-up value, outputs go."""
    gone = {name for name, resource in template["Resources"].items() if resource["Type"] in kinds}

    def cut(value):
        if isinstance(value, list):
            return [cut(item) for item in value]
        if not isinstance(value, dict):
            return value
        named = value.get("Ref") or (value.get("Fn::GetAtt") or [None])[0]
        if named in gone:
            return f"made-up-{named}"
        if isinstance(value.get("Fn::Sub"), str):
            text = value["Fn::Sub"]
            for name in gone:
                text = re.sub(r"\$\{" + name + r"(\.\w+)?\}", f"made-up-{name}", text)
            return {"Fn::Sub": text}
        return {key: cut(item) for key, item in value.items()}

    kept = {name: cut(r) for name, r in template["Resources"].items() if name not in gone}
    return {k: v for k, v in template.items() if k != "Outputs"} | {"Resources": kept}
