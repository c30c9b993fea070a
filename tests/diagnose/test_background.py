"""What a prompt tells of a job's surroundings: every value, in order, bounded, and no secret after redaction."""

import copy
import json
from dataclasses import replace

import pytest
from canary import UNLABELLED_BY_DESIGN, canaries, leaks
from emrserver import sample_meta
from hypothesis import given
from hypothesis import strategies as st

from diagnose.background import MAX_TEXT_CHARS, describe
from diagnose.failure import JobContext
from diagnose.metadata import read_metadata
from diagnose.redaction import Redactor

GROUPS = ["cluster", "log_location", "spark", "yarn", "hive", "step", "signals"]


def context_of(document):
    return read_metadata(json.dumps(document))[1]


def full_context():
    document = sample_meta(
        signals={
            "control_row": {"batch_id": "b-7", "attempt_count": 2},
            "checks": [{"ok": False, "share": 0.5}],
        }
    )
    sites = {
        "hive-site": {"hive.metastore.uris": "thrift://h:9083"},
        "spark-defaults": {"spark.executor.memory": "2g"},
    }
    document["cluster"]["Configurations"] = [{"Classification": k, "Properties": v} for k, v in sites.items()]
    document["cluster"]["LogEncryptionKmsKeyId"] = "key-1"
    document["step"]["Config"] |= {"MainClass": "a.B", "Properties": {"p": "q"}}
    return context_of(document)


def test_the_groups_are_those_of_the_design_in_order():
    assert list(describe(full_context())) == GROUPS
    assert all(describe(full_context()).values())


def test_nothing_known_is_nothing_said():
    assert describe(JobContext()) == dict.fromkeys(GROUPS, "")
    assert describe(context_of({})) == dict.fromkeys(GROUPS, "")


def changes(value):
    """The same value, each time with one leaf changed."""
    if isinstance(value, dict):
        for key in value:
            for changed in changes(value[key]):
                yield {**value, key: changed}
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            for changed in changes(item):
                yield [*value[:place], changed, *value[place + 1 :]]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield value + 1
    else:
        yield value + "x"


@pytest.mark.parametrize("group", ["cluster", "logging", "spark", "yarn", "hive", "step", "signals"])
def test_every_value_shows(group):
    context = full_context()
    values = copy.deepcopy(dict(getattr(context, group)))
    shown = describe(context)
    said = "log_location" if group == "logging" else group
    tried = 0
    for changed in changes(values):
        other = JobContext(**{**fields(context), group: changed})
        assert describe(other)[said] != shown[said], changed
        assert {k: v for k, v in describe(other).items() if k != said} == {
            k: v for k, v in shown.items() if k != said
        }
        tried += 1
    assert tried


def fields(context):
    return {name: getattr(context, name) for name in JobContext.__dataclass_fields__}


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=30), max_size=5), st.text(max_size=30))
def test_any_value_shows_and_stays_on_its_line(settings, value):
    before = describe(JobContext(signals={**settings, "k": "\0was"}))["signals"]
    after = describe(JobContext(signals={**settings, "k": value}))["signals"]
    assert before != after
    assert len(after.splitlines()) == len([v for v in {**settings, "k": value}.values() if v])
    assert all(line.isprintable() for line in after.split("\n"))


def test_the_settings_that_explain_failures_come_first():
    spark = {"spark.a": "1", "spark.network.timeout": "2", "spark.dynamicAllocation.enabled": "3", "spark.sql.shuffle.partitions": "4", "spark.executor.memory": "5", "spark.z": "6"}  # fmt: skip
    lines = describe(JobContext(spark=spark))["spark"].splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["5", "4", "3", "2", "1", "6"]
    yarn = {"yarn.a": "1", "yarn.nodemanager.vmem-check-enabled": "2", "yarn.scheduler.maximum-allocation-mb": "3", "yarn.nodemanager.resource.memory-mb": "4"}  # fmt: skip
    lines = describe(JobContext(yarn=yarn))["yarn"].splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["4", "3", "2", "1"]
    hive = {"hive.a": "1", "hive.execution.engine": "2", "hive.metastore.uris": "3"}
    lines = describe(JobContext(hive=hive))["hive"].splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["2", "3", "1"]


def test_a_long_group_ends_with_how_much_is_left_out():
    text = describe(JobContext(spark={f"spark.x{n:04d}": "v" * 90 for n in range(500)}))["spark"]
    lines = text.splitlines()
    assert len(text) < MAX_TEXT_CHARS + 20
    assert lines[-1] == f"…: {500 - len(lines) + 1} more"


def test_a_long_argument_does_not_hide_the_rest():
    context = context_of(
        {
            "step": {
                "Name": "orders",
                "Config": {"Jar": "x.jar", "Args": ["a", "b" * 4000, "c"], "Properties": {"p": "q"}},
            }
        }
    )
    text = describe(context)["step"]
    assert "name: orders" in text and "jar: x.jar" in text and "args: a … c" in text and '{"p":"q"}' in text


def test_arguments_stand_as_on_a_command_line():
    args = [
        "spark-submit",
        "--name",
        "two words",
        "--flag",
        "--conf",
        "a=b",
        "job.py",
        'say "hi"',
        "",
        "line\nend",
    ]
    assert describe(JobContext(step={"args": args}))["step"] == (
        'args: spark-submit --name "two words" --flag --conf "a=b" job.py "say \\"hi\\"" "" "line\\nend"'
    )


def planted(canary):
    """A document with one secret wherever a secret may be."""
    pair = f"{canary.key}={canary.value}"
    message = f"cannot connect with {pair}\nsee the log"
    args = ["spark-submit", "--conf", f"spark.app.{pair}", "job.py", "--limit", "5", pair]
    if (canary.kind, "two arguments") not in UNLABELLED_BY_DESIGN:
        args += ["--" + canary.key, canary.value, "--dry"]
    document = sample_meta(signals={"control_row": {canary.key: canary.value}, "note": pair})
    document["step"]["Config"] |= {"Args": args, "Properties": {canary.key: canary.value}}
    document["step"]["Status"] |= {
        "StateChangeReason": {"Message": message},
        "FailureDetails": {"Reason": pair, "Message": message},
    }
    document["cluster"]["Status"] = {
        "StateChangeReason": {"Code": "X", "Message": message},
        "ErrorDetails": [{"ErrorMessage": message, "ErrorData": [{canary.key: canary.value}]}],
    }
    document["cluster"]["Configurations"] = [
        {"Classification": file, "Properties": {f"x.{canary.key}": canary.value}}
        for file in ("spark-defaults", "yarn-site", "hive-site")
    ]
    document["instances"][0]["Status"]["StateChangeReason"]["Message"] = message
    return document


@pytest.mark.parametrize("canary", canaries(11), ids=lambda canary: canary.kind)
def test_no_secret_survives_redaction(canary):
    context = context_of(planted(canary))
    told = describe(context)
    healthy = "".join(describe(context_of(planted(replace(canary, value="-")))).values())
    session = Redactor().session()
    session.text(context.document)
    hit = [group for group in GROUPS if canary.value in told[group]]
    assert hit == ["cluster", "spark", "yarn", "hive", "step", "signals"]
    for group, text in told.items():
        assert not leaks(canary.value, session.text(text), healthy), group
