"""The production path over HTTP: event → metadata → S3 → Bedrock → payload, with every fault on the way. See `world`."""

import json
import socket
import threading
import time
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import bedrockserver as bedrock
import pytest
from bucketserver import BUCKET, BucketServer, Fault
from emrserver import EmrServer
from metadataserver import Answer
from world import CASE, Then, diagnosed, drafted, known_cause, own_and_guarded, tree_of

from diagnose.deadline import Deadline
from diagnose.event import read_deliveries
from diagnose.intake import Intake, serve
from diagnose.repeat import MemoryRepeats
from diagnose.stage import STAGES

NAMES = [stage.name for stage in STAGES]


def test_metadata_that_fails_three_times_is_asked_a_fourth_time(world):
    outcome = diagnosed(world, faults=[("DescribeStep", *[(500, "InternalServerException")] * 3)])
    assert outcome.diagnosis.status == "DIAGNOSED"
    assert outcome.emr.calls["DescribeStep"] == 4
    assert world.slept == [1, 2, 4]


def test_with_the_metadata_gone_for_good_the_rules_read_the_logs_under_the_bucket_setting(world):
    world.settings["S3_LOG_BUCKET"] = world.bucket
    outcome = diagnosed(world, faults=[("DescribeStep", *[(500, "InternalServerException")] * 9)])
    assert outcome.diagnosis.status == "ANALYSIS_ABORTED"
    assert outcome.emr.calls["DescribeStep"] == 4
    assert known_cause(outcome)
    assert outcome.bodies == []


def test_the_rest_api_tells_the_same_and_is_asked_four_times(world, rest):
    by_emr = diagnosed(world)
    with rest() as server:
        server.script.extend([Answer(status=500)] * 3)
        outcome = diagnosed(world)
        assert server.calls == 4
    assert world.slept == [1, 2, 4]
    assert outcome.diagnosis.status == "DIAGNOSED"
    assert outcome.emr.calls == {}
    assert own_and_guarded(outcome) == own_and_guarded(by_emr)


@pytest.mark.parametrize(
    ("kind", "calls"), [("self-signed", 0), ("wrong-host", 0), ("old-tls", 0), ("gone", 4)]
)
def test_a_metadata_api_that_can_t_be_trusted_or_had_aborts_the_analysis(world, rest, kind, calls):
    with rest("good" if kind == "gone" else kind) as server:
        server.script.extend([Answer(status=503)] * 9)
        outcome = diagnosed(world)
        assert server.calls == calls
    assert outcome.diagnosis.status == "ANALYSIS_ABORTED"
    assert known_cause(outcome)
    assert outcome.bodies == []


def test_logs_that_are_not_there_are_a_named_gap_and_the_model_is_told(world):
    world.aws.reset()
    world.aws.bucket(world.bucket)
    outcome = diagnosed(world)
    d = outcome.diagnosis
    assert (d.status, d.failure_type, d.safe_to_retry) == ("DIAGNOSED", "LOGS_UNAVAILABLE", False)
    assert any("missing in S3" in gap for gap in d.gaps)
    assert any("missing in S3" in text for text in outcome.model.requests[0].guarded)


def test_a_truncated_log_is_a_named_gap(world):
    key = f"{world.cluster}/steps/{world.meta['step']['Id']}/stderr.gz"
    client = world.aws.client("s3")
    whole = client.get_object(Bucket=world.bucket, Key=key)["Body"].read()
    client.put_object(Bucket=world.bucket, Key=key, Body=whole[: len(whole) // 2])
    d = diagnosed(world).diagnosis
    assert (d.status, d.safe_to_retry) == ("DIAGNOSED", False)
    assert any("stderr.gz: is truncated" in gap for gap in d.gaps)


def test_logs_that_are_forbidden_are_a_named_gap(world):
    folder = tree_of(CASE)
    files = {
        f"{world.cluster}/{p.relative_to(folder).as_posix()}": p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }
    world.meta["cluster"]["LogUri"] = f"s3://{BUCKET}/"
    with BucketServer(files) as server:
        for name in files:
            server.faults[name] = Fault(403, "AccessDenied")
        world.settings["AWS_ENDPOINT_URL_S3"] = server.endpoint
        outcome = diagnosed(world)
    d = outcome.diagnosis
    assert (d.status, d.category, d.safe_to_retry) == ("DIAGNOSED", "UNKNOWN", False)
    assert any("s3:GetObject" in gap for gap in d.gaps)


def test_a_throttled_model_is_asked_again_when_it_says(world):
    outcome = diagnosed(world, Then(bedrock.throttled("7")))
    assert outcome.diagnosis.status == "DIAGNOSED"
    assert len(outcome.bodies) == 2
    assert sum(world.slept) >= 7


ERRORS = {
    "429": (bedrock.throttled(), 6),
    "503": (bedrock.error(503, "ServiceUnavailableException"), 6),
    "403": (bedrock.error(403, "AccessDeniedException"), 1),
    "400": (bedrock.error(400, "ValidationException"), 1),
    "404": (bedrock.error(404, "ResourceNotFoundException"), 1),
}


@pytest.mark.parametrize("name", ERRORS)
def test_a_model_that_can_t_answer_aborts_the_analysis(world, name):
    reply, calls = ERRORS[name]
    outcome = diagnosed(world, lambda _: reply)
    assert outcome.diagnosis.status == "ANALYSIS_ABORTED"
    assert len(outcome.bodies) == calls
    assert known_cause(outcome)
    assert outcome.diagnosis.tokens_used == 0


BLOCKS = {
    "GUARDRAIL_BLOCKED": (bedrock.input_blocked("match"), 0),
    "GUARDRAIL_OUTPUT_BLOCKED": (bedrock.output_blocked("match"), 70 + 209),
}


@pytest.mark.parametrize("status", BLOCKS)
def test_a_guardrail_s_block_is_told_by_its_side(world, status):
    reply, tokens = BLOCKS[status]
    outcome = diagnosed(world, lambda _: reply)
    assert outcome.diagnosis.status == status
    assert "PROMPT_ATTACK" in outcome.diagnosis.status_reason
    assert len(outcome.bodies) == 1
    assert known_cause(outcome)
    assert outcome.diagnosis.tokens_used == tokens


def test_what_a_guardrail_only_masked_is_an_answer(world):
    outcome = diagnosed(world, lambda request: bedrock.anonymised(bedrock.draft(request), "jane"))
    assert outcome.diagnosis.status == "DIAGNOSED"


@pytest.mark.parametrize(
    ("replies", "status", "calls"),
    [
        ([bedrock.ok("I think it was the network.")], "DIAGNOSED", 2),
        ([bedrock.ok("I think"), bedrock.ok("{}")], "PARSE_ERROR", 2),
        ([bedrock.truncated('{"root_cause": "x"}')], "PARSE_ERROR", 1),
    ],
)
def test_an_answer_that_is_none_is_asked_for_once_more(world, replies, status, calls):
    outcome = diagnosed(world, Then(*replies))
    assert outcome.diagnosis.status == status
    assert len(outcome.bodies) == calls
    if status == "PARSE_ERROR":
        assert known_cause(outcome)
        assert outcome.diagnosis.model_text
    if calls == 2:
        first, second = outcome.bodies
        assert second["messages"][: len(first["messages"])] == first["messages"]
        assert second["system"] == first["system"]
        assert [m["role"] for m in second["messages"]] == ["user", "assistant", "user"]


def test_a_reply_slower_than_the_deadline_leaves_a_partial_analysis(world):
    begun = []

    def remaining():
        return 31.6 - (time.monotonic() - begun[-1]) if begun else 300.0

    def note(stage):
        if stage == "model":
            begun.append(time.monotonic())

    outcome = diagnosed(
        world,
        lambda _: bedrock.slow(threading.Event()),
        change=lambda kit: replace(kit, on_stage=note),
        deadline=Deadline(remaining, reserve_seconds=30),
    )
    d = outcome.diagnosis
    assert (d.status, d.completed_stages) == ("PARTIAL_ANALYSIS", NAMES[: NAMES.index("model")])
    assert known_cause(outcome)
    assert len(outcome.bodies) == 1


@pytest.mark.parametrize("last", NAMES[:-1])
def test_a_deadline_near_after_a_stage_leaves_what_is_done(world, monkeypatch, last):
    over, real = [], {stage.name: stage.run for stage in STAGES}

    def until(state, kit):
        after = real[last](state, kit)
        over.append(last)
        return after

    stages = tuple(replace(stage, run=until) if stage.name == last else stage for stage in STAGES)
    monkeypatch.setattr("diagnose.stage.STAGES", stages)
    monkeypatch.setattr("diagnose.pipeline.STAGES", stages)
    deadline = Deadline(lambda: 29.0 if over else 300.0, reserve_seconds=30)
    outcome = diagnosed(world, deadline=deadline)
    d = outcome.diagnosis
    assert (d.status, d.completed_stages) == ("PARTIAL_ANALYSIS", NAMES[: NAMES.index(last) + 1])
    assert d.analyst == "rules"
    assert d.category == ("UNKNOWN" if last == "metadata" else "DEPENDENCY_FAILURE")
    assert len(outcome.bodies) == (NAMES.index(last) >= NAMES.index("model"))


def test_an_s3_that_hangs_leaves_a_partial_analysis_in_time(world):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(16)
        world.settings |= {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{deaf.getsockname()[1]}",
            "S3_LOG_BUCKET": "another-bucket",
        }
        world.monkeypatch.setattr("diagnose.client.READ_TIMEOUT_SECONDS", 0.2)
        begun = time.monotonic()
        deadline = Deadline(lambda: 30.4 - (time.monotonic() - begun), reserve_seconds=30)
        outcome = diagnosed(world, deadline=deadline)
        left = 30.4 - (time.monotonic() - begun)
    assert (outcome.diagnosis.status, outcome.bodies) == ("PARTIAL_ANALYSIS", [])
    assert "log" not in outcome.diagnosis.completed_stages
    assert left > 15, "the reserve is there for what comes after"


def test_logs_older_than_the_failure_are_late_then_a_gap(world):
    event = deepcopy(world.meta["event"])
    soon = datetime.now(UTC) + timedelta(seconds=30)
    world.meta["step"]["Status"]["Timeline"]["EndDateTime"] = event["time"] = soon.isoformat()
    queued = {"Records": [{"messageId": "m-1", "eventSource": "aws:sqs", "body": json.dumps(event)}]}
    with EmrServer(world.meta) as emr, bedrock.BedrockServer(drafted) as model:
        world.environment(emr, model)
        kit = replace(world.kit(), now=lambda: soon + timedelta(seconds=60))
        postponed = serve(read_deliveries(queued)[0], Intake(kit=kit, repeats=MemoryRepeats()))
        assert (postponed.postponed, postponed.diagnosis, model.requests) == (True, None, [])
        kit = replace(kit, now=lambda: soon + timedelta(seconds=601))
        d = serve(read_deliveries(queued)[0], Intake(kit=kit, repeats=MemoryRepeats())).diagnosis
    assert d.status == "DIAGNOSED"
    assert any("last written before its end" in gap for gap in d.gaps)
    assert not d.safe_to_retry


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        (
            {"source": "aws.emr", "detail-type": "EMR Step Status Change", "detail": {"state": "FAILED"}},
            "INVALID_EVENT",
        ),
        (b"{not json", "INVALID_EVENT"),
        ({"clusterId": 7, "stepId": ["s-1"]}, "INVALID_EVENT"),
        ("COMPLETED", "IGNORED"),
    ],
)
def test_an_event_that_says_nothing_usable_costs_nothing(world, payload, status):
    if payload == "COMPLETED":
        payload = deepcopy(world.meta["event"])
        payload["detail"]["state"] = "COMPLETED"
    outcome = diagnosed(world, payload=payload)
    assert outcome.diagnosis.status == status
    assert outcome.diagnosis.status_reason
    assert (outcome.emr.calls, outcome.bodies) == ({}, [])


def test_the_second_delivery_is_ignored_and_costs_nothing(world):
    with EmrServer(world.meta) as emr, bedrock.BedrockServer(drafted) as model:
        world.environment(emr, model)
        intake = Intake(kit=world.kit(), repeats=MemoryRepeats())
        told = [serve(read_deliveries(world.meta["event"])[0], intake).diagnosis.status for _ in range(2)]
        again = {**world.meta["event"], "id": "another"}
        told.append(serve(read_deliveries(again)[0], intake).diagnosis.status)
        # The same delivery again, as when a queue was too quick, and another of the same failure.
        assert told == ["DIAGNOSED", "IGNORED", "IGNORED"]
        assert len(model.requests) == 1
