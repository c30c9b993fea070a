"""Spans: what the X-Ray daemon receives, over a real socket on loopback, against the published rules."""

import json
import socket
from contextlib import contextmanager

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.model import ModelCall, Stop
from diagnose.span import CALL_NAME, LAST_STAGE, ROOT_NAME, Spans, Trace, read_address, read_trace
from diagnose.stage import STAGES
from diagnose.telemetry import StageRecord
from diagnose.usage import Usage

ROOT_ID, PARENT = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
HEADER = f"Root={ROOT_ID};Parent={PARENT};Sampled=1"
NAME = {"type": "string", "pattern": r"^[\w\s.:/%&#=+\\@-]{1,200}$"}
TIME = {"type": "number", "exclusiveMinimum": 0, "maximum": 1e11}
ANNOTATIONS = {
    "type": "object",
    "maxProperties": 50,
    "propertyNames": {"pattern": "^[A-Za-z0-9_]{1,500}$"},
    "additionalProperties": {"type": ["string", "number", "boolean"], "maxLength": 1000},
}
SUBSEGMENT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["name", "id", "trace_id", "parent_id", "type", "start_time"],
    "oneOf": [{"required": ["end_time"]}, {"required": ["in_progress"]}],
    "additionalProperties": False,
    "properties": {
        "name": NAME,
        "id": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "trace_id": {"type": "string", "pattern": "^1-[0-9a-f]{8}-[0-9a-f]{24}$"},
        "parent_id": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "type": {"const": "subsegment"},
        "start_time": TIME,
        "end_time": TIME,
        "in_progress": {"const": True},
        "namespace": {"enum": ["aws", "remote"]},
        "http": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "response": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"status": {"type": "integer", "minimum": 100, "maximum": 599}},
                }
            },
        },
        "error": {"type": "boolean"},
        "throttle": {"type": "boolean"},
        "fault": {"type": "boolean"},
        "annotations": ANNOTATIONS,
        "metadata": {"type": "object"},
    },
}
"""Source: AWS X-Ray developer guide, "AWS X-Ray segment documents", of which only what is used here may stand."""
MAX_DOCUMENT_BYTES = 64 * 1024

STAGE = StageRecord(stage="redaction", duration_ms=12, status="ok", suspects=2)
LAST = StageRecord(stage="verdict", duration_ms=3, status="PARSE_ERROR")


def call(error=None, status=200, **changes):
    told = {
        "model_id": "us.anthropic.claude-sonnet-4-6",
        "attempt": 2,
        "request_id": "9b6d2c1e-8a3f-4b0e-9d57-1c2f3a4b5c6d",
        "error": error,
        "http_status": status,
        "wait_seconds": 1.25,
        "stop": None if error else Stop.COMPLETE,
        "usage": Usage(input_tokens=8123, cache_read_tokens=5, cache_write_tokens=7, output_tokens=421),
        "cost_usd": 0.0123,
        "duration_ms": 5310,
    }
    return ModelCall(**{**told, **changes})


class Daemon:
    """Receives what is sent to it, checked."""

    def __init__(self, channel):
        self._channel = channel
        self.address = "{}:{}".format(*channel.getsockname())

    def received(self):
        found = []
        while True:
            try:
                packet = self._channel.recv(1 << 16)
            except BlockingIOError:
                return found
            head, _, body = packet.partition(b"\n")
            assert json.loads(head) == {"format": "json", "version": 1}
            assert len(body) <= MAX_DOCUMENT_BYTES and b"\n" not in body
            document = json.loads(body)
            jsonschema.validate(document, SUBSEGMENT)
            assert document["trace_id"] == ROOT_ID
            assert document.get("end_time", document["start_time"]) >= document["start_time"]
            found.append(document)


@contextmanager
def listening():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind(("127.0.0.1", 0))
        channel.settimeout(0)
        yield Daemon(channel)


@pytest.fixture
def daemon():
    with listening() as heard:
        yield heard


class Clock:
    def __init__(self):
        self.seconds = 1_800_000_000.0

    def __call__(self):
        return self.seconds


def test_a_stage_is_a_span_that_ends_now_and_began_as_long_ago_as_it_took(daemon):
    clock = Clock()
    spans = Spans(daemon.address, HEADER, now_seconds=clock)
    clock.seconds += 5
    spans.stage(STAGE)
    root, span = daemon.received()
    assert (root["name"], root["parent_id"], root["in_progress"]) == (ROOT_NAME, PARENT, True)
    assert root["start_time"] == clock.seconds - 5
    assert (span["name"], span["parent_id"]) == ("redaction", root["id"])
    assert (span["end_time"], round(span["end_time"] - span["start_time"], 6)) == (clock.seconds, 0.012)
    assert span["annotations"] == {"status": "ok"}
    assert span["metadata"] == {ROOT_NAME: {"suspects": 2}}


def test_the_root_span_is_complete_once_with_the_last_stage(daemon):
    clock = Clock()
    spans = Spans(daemon.address, HEADER, now_seconds=clock)
    spans.stage(STAGE)
    clock.seconds += 9
    spans.stage(LAST)
    spans.stage(LAST)
    roots = [span for span in daemon.received() if span["name"] == ROOT_NAME]
    assert [root.get("in_progress", False) for root in roots] == [True, False]
    assert len({(root["id"], root["start_time"], root["parent_id"]) for root in roots}) == 1
    assert roots[1]["end_time"] - roots[1]["start_time"] == 9
    assert roots[1]["annotations"] == {"status": "PARSE_ERROR"}


def test_the_last_stage_is_that_of_the_pipeline():
    assert STAGES[-1].name == LAST_STAGE


def test_a_call_is_a_span_with_its_tokens(daemon):
    Spans(daemon.address, HEADER, prompt_version="v2").call(call())
    root, span = daemon.received()
    assert (span["name"], span["parent_id"], span["namespace"]) == (CALL_NAME, root["id"], "remote")
    assert span["http"] == {"response": {"status": 200}}
    assert span["annotations"] == {
        "status": "ok",
        "stop": "complete",
        "model_id": "us.anthropic.claude-sonnet-4-6",
        "prompt_version": "v2",
    }
    assert span["metadata"][ROOT_NAME] == {
        "attempt": 2,
        "input_tokens": 8123,
        "cache_read_tokens": 5,
        "cache_write_tokens": 7,
        "output_tokens": 421,
        "cost_usd": 0.0123,
    }
    assert not {"error", "fault", "throttle"} & set(span)
    assert round(span["end_time"] - span["start_time"], 3) == 5.31


@pytest.mark.parametrize(
    ("error", "status", "blamed"),
    [
        ("ThrottlingException", 429, {"error": True, "throttle": True}),
        ("ValidationException", 400, {"error": True}),
        ("ServiceUnavailableException", 503, {"fault": True}),
        ("ReadTimeoutError", None, {"fault": True}),
    ],
)
def test_a_call_that_failed_says_whose_failure_it_was(daemon, error, status, blamed):
    Spans(daemon.address, HEADER).call(call(error, status))
    _, span = daemon.received()
    assert {name: span[name] for name in ("error", "throttle", "fault") if name in span} == blamed
    assert span["annotations"]["error"] == error
    assert span["annotations"]["status"] == "error"
    assert "prompt_version" not in span["annotations"]
    assert ("http" in span) == (status is not None)


def test_spans_of_one_delivery_have_ids_of_their_own(daemon):
    for _ in range(2):
        spans = Spans(daemon.address, HEADER)
        for _ in range(3):
            spans.stage(STAGE)
            spans.call(call())
    ids = [span["id"] for span in daemon.received()]
    assert len(ids) == len(set(ids)) == 14


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Root=;Parent=;Sampled=1",
        HEADER.replace("Sampled=1", "Sampled=0"),
        HEADER.replace("Sampled=1", "Sampled=?"),
        HEADER.replace(";Sampled=1", ""),
        HEADER.replace("Parent", "Other"),
        HEADER.replace(PARENT, "53995C3F42CD8AD8"),
        HEADER.replace(ROOT_ID, ROOT_ID[:-1]),
        HEADER.replace(PARENT, PARENT + "0"),
        ";;;=;",
        "Root",
    ],
)
def test_nothing_is_sent_for_what_is_not_sampled_or_no_trace(daemon, header):
    spans = Spans(daemon.address, header)
    spans.stage(STAGE)
    spans.call(call())
    spans.stage(LAST)
    assert daemon.received() == []


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        f"Self=1-0-0;Root={ROOT_ID};Parent={PARENT};Sampled=1;Lineage=1:a87bd80c:0|68fd508a:5",
        f" Root={ROOT_ID} ; Parent={PARENT} ; Sampled=1 ",
    ],
)
def test_a_trace_is_read_whatever_else_the_header_says(header):
    assert read_trace(header) == Trace(trace_id=ROOT_ID, parent_id=PARENT)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("169.254.79.129:2000", ("169.254.79.129", 2000)),
        ("udp:127.0.0.1:2000", ("127.0.0.1", 2000)),
        ("tcp:127.0.0.1:2000 udp:127.0.0.2:2001", ("127.0.0.2", 2001)),
        ("udp:127.0.0.2:2001 tcp:127.0.0.1:2000", ("127.0.0.2", 2001)),
        ("", None),
        ("tcp:127.0.0.1:2000", None),
        ("localhost:2000", None),
        ("xray.example.com:2000", None),
        ("127.0.0.1", None),
        ("127.0.0.1:", None),
        ("127.0.0.1:0", None),
        ("127.0.0.1:65536", None),
        ("127.0.0.1:²", None),
        (":2000", None),
        ("a b c", None),
    ],
)
def test_an_address_is_one_that_needs_no_looking_up(text, address):
    assert read_address(text) == address


def test_no_daemon_costs_nothing_but_the_spans():
    with listening() as gone:
        address = gone.address
    for where in (address, "", "localhost:1", "255.255.255.255:9", "0.0.0.1:9"):
        spans = Spans(where, HEADER)
        for _ in range(50):
            spans.stage(STAGE)
            spans.call(call())
        spans.stage(LAST)


def test_a_daemon_that_reads_nothing_is_not_waited_for(daemon):
    spans = Spans(daemon.address, HEADER)
    for _ in range(20_000):
        spans.stage(STAGE)
    spans.stage(LAST)
    assert len(daemon.received()) < 20_000


def test_a_number_that_json_has_not_costs_one_span(daemon):
    spans = Spans(daemon.address, HEADER)
    spans.call(call(cost_usd=float("nan")))
    spans.stage(STAGE)
    assert [span["name"] for span in daemon.received()] == [ROOT_NAME, "redaction"]


def test_no_text_but_names_and_codes_is_told(daemon):
    spans = Spans(daemon.address, HEADER, prompt_version="password=hunter2 x")
    text = "cannot log in with hunter2\nat line 7"
    spans.call(call(error=text, status=400, model_id=text, request_id=text))
    spans.stage(StageRecord(stage="log", duration_ms=1, status=text))
    _, of_call, of_stage = daemon.received()
    assert "hunter2" not in json.dumps([of_call, of_stage])
    assert of_call["annotations"]["error"] == of_stage["annotations"]["status"] == "other"


def test_an_inference_profile_s_arn_is_told(daemon):
    arn = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-6"
    Spans(daemon.address, HEADER).call(call(model_id=arn))
    assert daemon.received()[1]["annotations"]["model_id"] == arn


TOLD = st.fixed_dictionaries(
    {
        "error": st.none() | st.text(),
        "status": st.none() | st.integers(100, 599),
        "model_id": st.text(),
        "duration_ms": st.integers(-5, 2**31),
    }
)


@given(st.text(), st.text(), TOLD)
def test_whatever_a_record_says_the_document_keeps_the_rules(stage, status, told):
    with listening() as daemon:
        spans = Spans(daemon.address, HEADER, prompt_version=told["model_id"])
        spans.stage(StageRecord(stage=stage, duration_ms=told["duration_ms"], status=status))
        spans.call(call(**told))
        assert len(daemon.received()) == 3 + (stage == LAST_STAGE)
