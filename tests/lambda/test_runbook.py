"""The runbook speaks of what there is: every status, every alarm, parameters, fields and words of the log lines."""

import re
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from diagnose.diagnosis import Status
from diagnose.metric import UNITS

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
TEMPLATE = (ROOT / "lambda" / "template.yaml").read_text()
CODE = "".join(
    path.read_text() for path in [*(ROOT / "diagnose").glob("*.py"), ROOT / "lambda" / "handler.py"]
)
WORDS = {
    "and", "as", "asc", "avg", "bin", "by", "count", "desc", "fields", "filter", "in", "like", "max", "pct", "sort", "stats",
    "sum", "timestamp", "message",
}  # fmt: skip


def queries():
    blocks = re.findall(r"(?:^    .+\n)+", RUNBOOK, re.MULTILINE)
    return [block for block in blocks if re.match(r" +(filter|fields) ", block)]


@pytest.mark.parametrize("status", Status)
def test_every_status_has_its_row(status):
    assert re.search(rf"^\| {status.value} \| .+ \| .+ \|$", RUNBOOK, re.MULTILINE)


def test_every_alarm_has_its_section_and_no_other():
    told = re.findall(r"^### (\w+Alarm):", RUNBOOK, re.MULTILINE)
    assert sorted(told) == sorted(re.findall(r"^  (\w+Alarm):$", TEMPLATE, re.MULTILINE))


def test_parameters_and_outputs_are_named_as_they_are():
    names = set(re.findall(r"^  ([A-Z]\w+):$", TEMPLATE, re.MULTILINE))
    camel = set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b", RUNBOOK))
    ours = {
        "DescribeStep",
        "LogUri",
        "GetObject",
        "ApplyGuardrail",
        "DeliveryError",
        "CodeSha256",
        "OutOfMemory",
        "ErrorMessage",
        "SnapStart",
        "CloudWatch",
        "EventBridge",
    }
    assert camel - names - ours - set(UNITS) == set()


GLOBAL = {"query", "output", "cli-binary-format"}
COMMANDS = re.findall(r"aws ([a-z]+) ([a-z-]+)((?:[^`\n]|\\\n)*)", RUNBOOK)


@pytest.mark.parametrize(("service", "operation", "rest"), COMMANDS, ids=lambda text: text.strip()[:30])
def test_commands_are_calls_that_aws_has_with_options_that_they_take(service, operation, rest):
    model = botocore.session.get_session().get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    members = model.operation_model(names[operation]).input_shape.members
    known = {xform_name(name, "-") for name in members} | GLOBAL
    for option in re.findall(r"--([a-z-]+)", rest):
        assert option.removeprefix("no-") in known


def test_what_prunes_versions_can_not_delete_what_they_are_versions_of():
    told = {operation: rest for _, operation, rest in COMMANDS}
    assert "--qualifier VERSION" in told["delete-function"]
    assert "--guardrail-version OLD" in told["delete-guardrail"]


def test_metrics_are_named_as_they_are():
    assert set(re.findall(r"EMRAnalyser\w+", RUNBOOK)) <= set(UNITS)


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.split("\n")[0].strip()[:40])
def test_queries_ask_for_fields_and_words_that_are_logged(query):
    bare = re.sub(r'"[^"]*"|/[^/]*/|@\w+', " ", query)
    made = set(re.findall(r" as (\w+)", bare))
    asked = set(re.findall(r"[a-z_]{2,}", bare)) - WORDS - made
    assert {name for name in asked if not re.search(rf"[\"']{name}[\"']", CODE)} == set()
    for text in re.findall(r'message = "([^"]+)"', query):
        assert text in CODE


def test_what_it_quotes_of_the_log_is_logged():
    for text in (
        "the function can't start",
        "the delivery failed",
        "the delivery is postponed",
        "more tokens than TOKEN_BUDGET",
    ):
        assert text in RUNBOOK
        assert text in CODE
