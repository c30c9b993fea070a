"""Metrics: one document for each delivery, as CloudWatch's specification wants it, with nothing else in it."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from diagnose.diagnosis import Status
from diagnose.errors import UsageError
from diagnose.event import Delivery, Origin, read_deliveries
from diagnose.intake import Intake, Served, serve
from diagnose.log import DirectoryStore, MemoryStore
from diagnose.metric import NAMESPACE, UNITS, EmfMeter, MemoryMeter, measure, measure_failure
from diagnose.model import ModelCall, Stop
from diagnose.pipeline import default_kit
from diagnose.repeat import MemoryRepeats
from diagnose.settings import Settings
from diagnose.usage import Usage
from diagnose.verdict import refuse

ROOT = Path(__file__).resolve().parents[2]
MOMENT = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
CLUSTER, STEP = "j-2AXTREE000001", "s-1AXTREE000001"
AMOUNTS = [f"{prefix}{unit}" for unit in ("bytes", "bits") for prefix in ("", "kilo", "mega", "giga", "tera")]
RATED = [*(amount.capitalize() for amount in AMOUNTS), "Count"]
UNITS_OF_CLOUDWATCH = [*RATED, *(f"{unit}/Second" for unit in RATED), "Seconds", "Microseconds", "Milliseconds", "Percent", "None"]  # fmt: skip
NUMBER = {"type": "number", "minimum": -(2**360), "maximum": 2**360}
METRIC = {
    "type": "object",
    "required": ["Name"],
    "additionalProperties": False,
    "properties": {
        "Name": {"type": "string", "minLength": 1, "maxLength": 255},
        "Unit": {"enum": UNITS_OF_CLOUDWATCH},
        "StorageResolution": {"enum": [1, 60]},
    },
}
DIRECTIVE = {
    "type": "object",
    "required": ["Namespace", "Dimensions", "Metrics"],
    "additionalProperties": False,
    "properties": {
        "Namespace": {"type": "string", "pattern": r"^[0-9A-Za-z./#_-][0-9A-Za-z./#:_ -]{0,254}$"},
        "Dimensions": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "array", "maxItems": 30, "items": {"type": "string", "minLength": 1, "maxLength": 250}},
        },
        "Metrics": {"type": "array", "maxItems": 100, "items": METRIC},
    },
}  # fmt: skip
EMF = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 0},
                "CloudWatchMetrics": {"type": "array", "items": DIRECTIVE},
            },
        }
    },
}
"""Source: Amazon CloudWatch user guide, "Specification: Embedded metric format"; limits of names and values: its API
reference, MetricDatum and Dimension."""
DIMENSION = {"type": "string", "pattern": r"^[ -~]{1,1024}$"}
VALUES = {"anyOf": [NUMBER, {"type": "array", "minItems": 1, "maxItems": 100, "items": NUMBER}]}


def checked(line):
    """A document that keeps to the specification."""
    assert "\n" not in line and len(line.encode()) <= 256 * 1024
    document = json.loads(line)
    jsonschema.validate(document, EMF)
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for name in {name for names in directive["Dimensions"] for name in names}:
            jsonschema.validate(document[name], DIMENSION)
        for metric in directive["Metrics"]:
            jsonschema.validate(document[metric["Name"]], VALUES)
    return document


def values(document):
    """Metrics of a document by name; each was measured once."""
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    found = {metric["Name"]: document[metric["Name"]] for metric in directive["Metrics"]}
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]} == {n: UNITS[n] for n in found}
    return {name: value[0] if isinstance(value, list) else value for name, value in found.items()}


def call(stop=Stop.COMPLETE, **usage):
    return ModelCall(
        model_id="m",
        attempt=1,
        request_id=None,
        error=None,
        http_status=200,
        wait_seconds=0.0,
        stop=stop,
        usage=Usage(**usage),
        cost_usd=None,
        duration_ms=5,
    )


def ended(status, **changes):
    """A delivery that came to its end with a status, without a run."""
    diagnosis = refuse(Status.IGNORED, "", cluster_id=CLUSTER, step_id=STEP, moment=MOMENT)
    changed = diagnosis.model_copy(update={"status": status, **changes})
    return Served(delivery=Delivery(origin=Origin.QUEUE), diagnosis=changed)


class Archive:
    def __init__(self, store):
        self.store = store

    def find(self, failure, context, *, deadline):
        return self.store, ()


@pytest.fixture
def kit(tree, tmp_path):
    store = DirectoryStore(tree.driver(status=3).write(tmp_path))
    return replace(default_kit(Settings()), archive=Archive(store), now=lambda: MOMENT)


def served(payload, kit):
    intake = Intake(kit=kit, repeats=MemoryRepeats())
    (done,) = (serve(delivery, intake) for delivery in read_deliveries(payload))
    return done


DIRECT = {"clusterId": CLUSTER, "stepId": STEP}


def queued(time):
    detail = {"severity": "ERROR", "stepId": STEP, "name": "job", "clusterId": CLUSTER, "state": "FAILED"}
    event = {
        "id": "e-1",
        "detail-type": "EMR Step Status Change",
        "source": "aws.emr",
        "time": time,
        "detail": detail,
    }
    return {"Records": [{"messageId": "m-1", "body": json.dumps(event), "eventSource": "aws:sqs"}]}  # fmt: skip


@pytest.fixture
def lines():
    return []


@pytest.fixture
def meter(lines):
    return EmfMeter("diagnose-prod", lines.append, now=lambda: MOMENT)


def test_a_delivery_is_one_document_with_every_metric_under_one_dimension(kit, lines, meter):
    meter.served(served(DIRECT, kit), duration_ms=1234, calls=[])
    (line,) = lines
    document = checked(line)
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == (NAMESPACE, [["service"]])
    assert document["service"] == "diagnose-prod"
    assert document["_aws"]["Timestamp"] == int(MOMENT.timestamp() * 1000)
    assert set(document) == {"_aws", "service", *UNITS}
    assert set(values(document)) == set(UNITS)


def test_no_id_and_no_text_of_a_log_is_in_a_document(kit, lines, meter):
    meter.served(served(DIRECT, kit), duration_ms=1, calls=[call(input_tokens=1)])
    (line,) = lines
    document = json.loads(line)
    texts = {value for value in document.values() if isinstance(value, str)}
    assert texts == {"diagnose-prod"} and CLUSTER not in line and STEP not in line


def test_the_size_of_the_logs_is_that_of_all_bytes_that_were_read(kit, tree):
    import gzip

    size = sum(len(gzip.decompress(data)) for data in tree.files.values())
    assert measure(served(DIRECT, kit), duration_ms=1, calls=[])["EMRAnalyserLogSizeBytes"] == size > 1000


def test_the_size_of_the_logs_ends_at_the_read_limit(kit, tree):
    limit = 1 << 20
    tree.driver("x" * 99 + "\n" + ("26/11/22 07:00:10 INFO A: b\n" * 60_000), status=3)
    kit = replace(kit, archive=Archive(MemoryStore(tree.files)), settings=Settings(max_read_bytes=limit))
    assert measure(served(DIRECT, kit), duration_ms=1, calls=[])["EMRAnalyserLogSizeBytes"] == limit


def test_tokens_are_those_of_the_payload_and_the_longest_answer_is_that_of_one_call():
    calls = [call(input_tokens=900, output_tokens=80), call(input_tokens=950, output_tokens=120), call()]
    found = measure(ended(Status.DIAGNOSED, tokens_used=2050), duration_ms=1, calls=calls)
    assert (found["EMRAnalyserTokensUsed"], found["EMRAnalyserOutputTokens"]) == (2050, 120)


def test_tokens_of_a_delivery_without_a_payload_are_those_of_its_calls():
    calls = [call(input_tokens=900, output_tokens=80, cache_read_tokens=7, cache_write_tokens=3)]
    found = measure_failure(duration_ms=1, calls=calls)
    assert (found["EMRAnalyserTokensUsed"], found["EMRAnalyserOutputTokens"]) == (990, 80)


@pytest.mark.parametrize(
    ("status", "blocks", "failures"),
    [
        ("DIAGNOSED", 0, 0),
        ("PARTIAL_ANALYSIS", 0, 1),
        ("GUARDRAIL_BLOCKED", 1, 0),
        ("GUARDRAIL_OUTPUT_BLOCKED", 1, 0),
        ("PARSE_ERROR", 0, 1),
        ("ANALYSIS_ABORTED", 0, 1),
        ("INVALID_EVENT", 0, 1),
        ("IGNORED", 0, 0),
    ],
)
def test_each_status_counts_as_what_it_is(status, blocks, failures):
    found = measure(ended(Status(status)), duration_ms=1, calls=[])
    assert (found["EMRAnalyserGuardrailBlocks"], found["EMRAnalyserFailures"]) == (blocks, failures)
    assert (found["EMRAnalyserInvocations"], found["EMRAnalyserPostponed"]) == (1, 0)


def test_every_status_is_known_here():
    rows = {"PARTIAL_ANALYSIS", "PARSE_ERROR", "ANALYSIS_ABORTED", "INVALID_EVENT"}
    for status in Status:
        counted = measure(ended(status), duration_ms=1, calls=[])["EMRAnalyserFailures"]
        assert counted == (status.value in rows)


@pytest.mark.parametrize("stop", [Stop.INPUT_BLOCKED, Stop.OUTPUT_BLOCKED])
def test_a_blocked_call_is_counted_once(stop):
    found = measure(ended(Status.GUARDRAIL_BLOCKED), duration_ms=1, calls=[call(), call(stop)])
    assert found["EMRAnalyserGuardrailBlocks"] == 1


def test_a_postponed_delivery_is_no_failure(kit, lines, meter):
    kit = replace(kit, archive=Archive(MemoryStore({})))
    done = served(queued("2026-11-22T07:29:00Z"), kit)
    assert done.postponed
    meter.served(done, duration_ms=77, calls=[])
    found = values(checked(lines[0]))
    assert (found["EMRAnalyserPostponed"], found["EMRAnalyserFailures"]) == (1, 0)
    assert (found["EMRAnalyserInvocations"], found["EMRAnalyserPipelineDuration"]) == (1, 77)


def test_what_the_second_look_masked_is_counted(kit):
    done = served(DIRECT, kit)
    state = replace(done.result.state, suspects=3)
    found = measure(replace(done, result=replace(done.result, state=state)), duration_ms=1, calls=[])
    assert found["EMRAnalyserRedactionSuspects"] == 3


def test_an_exception_is_a_failure_of_unknown_size(lines, meter):
    meter.failed(duration_ms=88)
    found = values(checked(lines[0]))
    assert found.pop("EMRAnalyserPipelineDuration") == 88
    assert (found.pop("EMRAnalyserInvocations"), found.pop("EMRAnalyserFailures")) == (1, 1)
    assert set(found) == set(UNITS) - {
        "EMRAnalyserPipelineDuration",
        "EMRAnalyserInvocations",
        "EMRAnalyserFailures",
        "EMRAnalyserLogSizeBytes",
    }
    assert not any(found.values())


def test_nothing_is_carried_from_one_delivery_to_the_next(lines, meter):
    for _ in range(150):  # of a hundred values of one metric the library would print a document of its own
        meter.served(ended(Status.PARSE_ERROR, tokens_used=5), duration_ms=1, calls=[])
    other = EmfMeter("other", lines.append)
    other.failed(duration_ms=2)
    meter.served(ended(Status.IGNORED), duration_ms=3, calls=[])
    assert len(lines) == 152
    assert [json.loads(line)["service"] for line in lines[-2:]] == ["other", "diagnose-prod"]
    assert values(checked(lines[-1]))["EMRAnalyserTokensUsed"] == 0
    assert json.loads(lines[0]) == json.loads(lines[149])


def test_the_twin_keeps_the_same_numbers(lines, meter):
    twin, done = MemoryMeter(), ended(Status.DIAGNOSED, tokens_used=12)
    for each in (meter, twin):
        each.served(done, duration_ms=5, calls=[call(output_tokens=4)])
        each.failed(duration_ms=6)
    assert twin.readings == [values(json.loads(line)) for line in lines]


def test_a_duration_is_never_negative():
    assert measure_failure(duration_ms=-3)["EMRAnalyserPipelineDuration"] == 0


@pytest.mark.parametrize("service", ["", " ", ":x", "x" * 1025, "stäck", "a\nb", "a\n"])
def test_a_service_that_is_no_dimension_is_refused(service):
    with pytest.raises(UsageError, match="SERVICE_NAME"):
        EmfMeter(service)


PROGRAM = """
import sys, tempfile, os
from diagnose.metric import EmfMeter
import logging
logging.getLogger().setLevel(logging.DEBUG)
EmfMeter("right").failed(duration_ms=1)
EmfMeter("right").failed(duration_ms=2)
"""


@pytest.mark.parametrize(
    "environ",
    [
        {"POWERTOOLS_METRICS_NAMESPACE": "Wrong", "POWERTOOLS_SERVICE_NAME": "wrong"},
        {"POWERTOOLS_METRICS_FUNCTION_NAME": "wrong", "POWERTOOLS_METRICS_DISABLED": "true"},
        {"POWERTOOLS_DEV": "true", "POWERTOOLS_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_FUNCTION_NAME": "wrong"},
        {"POWERTOOLS_DEBUG": "true"},
    ],
    ids=lambda environ: next(iter(environ)),
)
def test_no_variable_of_the_library_changes_a_document(environ):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(filter(None, sys.path)), **environ},
        timeout=60,
        check=True,
    )
    documents = [checked(line) for line in done.stdout.splitlines()]
    assert [document["service"] for document in documents] == ["right", "right"]
    for document, duration_ms in zip(documents, (1, 2), strict=True):
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        assert (directive["Namespace"], directive["Dimensions"]) == (NAMESPACE, [["service"]])
        assert values(document)["EMRAnalyserPipelineDuration"] == duration_ms
    if "POWERTOOLS_DEBUG" not in environ:  # which warns of itself
        assert done.stderr == ""


def test_nothing_is_written_to_a_file():
    watch = "import sys\ndef hook(event, args):\n    if event == 'open' and isinstance(args[1], str) and set(args[1]) & set('wax+'): raise SystemExit(f'wrote {args}')\nsys.dont_write_bytecode = True\nsys.addaudithook(hook)\n"
    done = subprocess.run(
        [sys.executable, "-c", watch + PROGRAM], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2


def test_a_closed_standard_output_costs_a_metric_and_no_diagnosis():
    done = subprocess.run(
        [sys.executable, "-c", "import sys\nsys.stdout.close()\n" + PROGRAM + "print('alive', file=sys.stderr)"],
        capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == "alive\n"
