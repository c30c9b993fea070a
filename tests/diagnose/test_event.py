"""Events: what EventBridge, queues and people send is read; whatever else comes is refused with a reason."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from canary import canaries, leaks
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.diagnosis import Status
from diagnose.event import MAX_BODY_BYTES, MAX_PAYLOAD_BYTES, MAX_RECORDS, Origin, read_deliveries
from diagnose.failure import Failure

EVENTS = Path(__file__).resolve().parents[1] / "events"
CLUSTER, STEP = "j-2K7QPX4M9VNTL", "s-3HJ8WZ5R1BYDC"
FAILED = Failure(
    cluster_id=CLUSTER,
    step_id=STEP,
    job_name="orders_daily",
    failed_at=datetime(2026, 11, 22, 7, 45, 24, tzinfo=UTC),
    region="us-east-1",
)


def event(name):
    return json.loads((EVENTS / f"{name}.json").read_text())


def only(payload):
    (delivery,) = read_deliveries(payload)
    assert (delivery.failure is None) != (delivery.verdict is None)
    return delivery


def refused(payload, status=Status.INVALID_EVENT):
    verdict = only(payload).verdict
    assert verdict is not None and verdict.status is status
    return verdict.reason


def failed(**detail):
    """The failed event with other values in its detail; those that are `...` are left out."""
    made = event("failed")
    made["detail"] = {k: v for k, v in {**made["detail"], **detail}.items() if v is not ...}
    return made


def queued(body, **fields):
    return {"Records": [{"messageId": "m-1", "eventSource": "aws:sqs", "body": body, **fields}]}


def test_a_failed_step_is_read_from_eventbridge():
    delivery = only(event("failed"))
    assert (delivery.failure, delivery.origin) == (FAILED, Origin.EVENT)
    assert (delivery.cluster_id, delivery.step_id, delivery.message_id) == (CLUSTER, STEP, None)
    assert delivery.event_id == "4b1f6a0e-93d2-4c57-8a1b-6e0f2d7c9a35"


@pytest.mark.parametrize("form", ["value", "str", "bytes", "bytearray", "with a byte order mark"])
def test_a_payload_may_be_a_value_or_its_text(form):
    text = (EVENTS / "failed.json").read_text()
    made = {
        "value": json.loads(text),
        "str": text,
        "bytes": text.encode(),
        "bytearray": bytearray(text.encode()),
        "with a byte order mark": b"\xef\xbb\xbf" + text.encode(),
    }[form]
    assert only(made).failure == FAILED


def test_a_plain_request_is_a_direct_call():
    delivery = only(event("plain"))
    assert delivery.failure == Failure(cluster_id=CLUSTER, step_id=STEP, region="us-east-1")
    assert (delivery.origin, delivery.event_id) == (Origin.DIRECT, None)


@pytest.mark.parametrize("region", [None, "", ...])
def test_a_request_needs_no_region(region):
    request = {"clusterId": CLUSTER, "stepId": STEP, "region": region}
    assert only({k: v for k, v in request.items() if v is not ...}).failure.region == ""


def test_a_queue_s_message_keeps_its_id_and_the_event_s():
    delivery = only(event("queue"))
    assert (delivery.failure, delivery.origin) == (FAILED, Origin.QUEUE)
    assert delivery.message_id == "1f2e3d4c-5b6a-4798-8a9b-0c1d2e3f4a5b"
    assert delivery.event_id == "4b1f6a0e-93d2-4c57-8a1b-6e0f2d7c9a35"


def test_a_bad_record_is_refused_alone_and_order_is_kept():
    deliveries = read_deliveries(event("queue_several"))
    assert [d.message_id[0] for d in deliveries] == ["1", "2", "3", "4"]
    assert {d.origin for d in deliveries} == {Origin.QUEUE}
    assert [d.verdict and d.verdict.status for d in deliveries] == [
        None,
        Status.INVALID_EVENT,
        None,
        Status.IGNORED,
    ]
    assert "not JSON" in deliveries[1].verdict.reason
    assert deliveries[2].failure.region == "eu-west-1"


def test_a_notification_inside_a_message_is_unwrapped():
    delivery = only(event("queue_notification"))
    assert (delivery.failure.job_name, delivery.origin) == ("basket_rollup", Origin.QUEUE)


def test_every_real_shaped_event_is_read():
    assert {p.stem for p in EVENTS.glob("*.json")} >= {"failed", "plain", "queue", "no_cluster_id"}
    for path in EVENTS.glob("*.json"):
        assert read_deliveries(path.read_bytes()) == read_deliveries(json.loads(path.read_text()))


@pytest.mark.parametrize(
    "state", ["PENDING", "CANCEL_PENDING", "RUNNING", "COMPLETED", "CANCELLED", "INTERRUPTED"]
)
def test_a_step_that_did_not_fail_is_ignored(state):
    assert refused(failed(state=state), Status.IGNORED) == f"the step is {state}, not FAILED"


def test_a_state_that_aws_may_add_is_ignored_and_not_repeated():
    assert "HUNTER" not in refused(failed(state="HUNTER"), Status.IGNORED)


def test_another_event_of_emr_is_ignored_and_says_which_cluster():
    delivery = only(event("cluster_state_change"))
    assert delivery.verdict.status is Status.IGNORED
    assert "'EMR Cluster State Change'" in delivery.verdict.reason
    assert (delivery.cluster_id, delivery.step_id) == (CLUSTER, "")


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (event("no_cluster_id"), "detail.clusterId is missing"),
        (event("wrong_types"), "detail.stepId must be s- and capitals or digits, not a number"),
        (failed(clusterId=None), "detail.clusterId must be j- and capitals or digits, not null"),
        (failed(clusterId="j-abc"), "not 'j-abc'"),
        (failed(clusterId=""), "not an empty text"),
        (failed(stepId=STEP + "\n"), "not a text of 16 characters"),
        (failed(stepId="s-" + "A" * 33), "detail.stepId"),
        (failed(stepId="s-ÀÉ"), "detail.stepId"),
        (failed(stepId="s-\ud800"), "detail.stepId"),
        (failed(clusterId=CLUSTER + "/../" + CLUSTER), "detail.clusterId"),
        (failed(state=...), "detail.state is missing"),
        (failed(state="failed"), "detail.state must be a step's state such as FAILED"),
        (failed(state=""), "not an empty text"),
        (failed(name=7), "detail.name must be text, not a number"),
        ({**event("failed"), "detail": []}, "detail must be a JSON object, not a list"),
        ({**event("failed"), "detail": None}, "detail must be a JSON object, not null"),
        ({k: v for k, v in event("failed").items() if k != "detail"}, "detail is missing"),
        ({k: v for k, v in event("failed").items() if k != "source"}, "source is missing"),
        ({k: v for k, v in event("failed").items() if k != "detail-type"}, "detail-type is missing"),
        ({**event("failed"), "source": "aws.emr-serverless"}, "not 'aws.emr-serverless'"),
        ({**event("failed"), "source": ["aws.emr"]}, "source must be text, not a list"),
        ({**event("failed"), "region": "evil.example/?x="}, "region must be a region such as us-east-1"),
        ({**event("failed"), "region": "us-east-1a"}, "region"),
        ({"clusterId": CLUSTER}, "stepId is missing"),
        ({"stepId": STEP}, "clusterId is missing"),
        ({"clusterId": CLUSTER, "stepId": STEP, "region": 1}, "region must be a region"),
        ({"clusterId": CLUSTER, "stepId": STEP, "region": "local host"}, "region must be a region"),
        ({}, "neither an event"),
        ({"source": "aws.emr"}, "detail-type is missing"),
        (None, "a JSON object, not null"),
        ([], "a JSON object, not a list"),
        ([event("failed")], "a JSON object, not a list"),
        (True, "a JSON object, not true or false"),
        (1.5, "a JSON object, not a number"),
        ({1}, "something that is not JSON"),
        ('"j-1"', "a JSON object, not a text"),
        ("null", "a JSON object, not null"),
        (b"", "empty"),
        (" \n", "empty"),
        (b"\xff\xfe{", "not UTF-8"),
        ("{", "not JSON (line 1, column 2)"),
        ('{"clusterId": "j-1",}', "not JSON"),
        (json.dumps(event("plain")) + "{}", "not JSON"),
        ('{"clusterId": NaN}', "holds NaN"),
        ('{"x": -Infinity}', "holds -Infinity"),
        ('{"x": %s}' % ("9" * 5000), "a number that is too long"),
        ('{"clusterId": "j-1A", "clusterId": "j-1B", "stepId": "s-1A"}', "same key twice"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 100_000, "nested too deep"),
        (b"x" * (10 << 20), f"larger than {MAX_PAYLOAD_BYTES} bytes"),
        ("x" * (10 << 20), f"larger than {MAX_PAYLOAD_BYTES} bytes"),
        ({"Records": []}, "Records is empty"),
        ({"Records": {}}, "Records must be a list, not an object"),
        ({"Records": [{}] * (MAX_RECORDS + 1)}, "more than 10000 messages"),
        ({"Records": [7]}, "the record must be a JSON object, not a number"),
        ({"Records": [{"messageId": "m-1"}]}, "body is missing"),
        (queued({"clusterId": CLUSTER}), "body must be text, not an object"),
        (queued(json.dumps(event("plain")), eventSource="aws:kinesis"), "not 'aws:kinesis'"),
        (queued(json.dumps(event("plain")), messageId=None), "messageId is missing"),
        (queued(json.dumps(event("plain")), messageId="x" * 101), "messageId"),
        (queued(""), "the message's body is empty"),
        (queued(" " * (MAX_BODY_BYTES + 1)), f"larger than {MAX_BODY_BYTES} bytes"),
        (queued(json.dumps(event("queue"))), "holds Records itself"),
        (queued('{"Type": "Notification", "Message": "hello"}'), "the notification's Message is not JSON"),
        (queued('{"Type": "Notification", "Message": 7}'), "neither an event"),
        (queued("[]"), "a JSON object, not a list"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_the_reason(payload, words):
    reason = refused(payload)
    assert words in reason
    assert len(reason) < 200 and reason.isprintable()


def test_a_batch_that_cannot_be_used_came_from_a_queue():
    assert only({"Records": []}).origin is Origin.QUEUE


def test_a_text_of_the_allowed_size_is_read():
    padded = json.dumps(event("plain"))
    assert only(padded + " " * (MAX_PAYLOAD_BYTES - len(padded))).failure


@pytest.mark.parametrize(
    "region", ["us-gov-west-1", "us-isob-east-1", "eusc-de-east-1", "ap-southeast-5", "cn-north-1"]
)
def test_every_partition_s_regions_are_known(region):
    assert only({**event("plain"), "region": region}).failure.region == region


@pytest.mark.parametrize(
    "time", [None, 7, "", "yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"]
)
def test_a_time_that_cannot_be_read_rejects_nothing(time):
    assert only({**event("failed"), "time": time}).failure.failed_at is None


def test_a_time_is_utc_whatever_its_offset():
    at = only({**event("failed"), "time": "2026-11-22T09:45:24+02:00"}).failure.failed_at
    assert at == FAILED.failed_at and at.tzinfo is UTC
    assert only({**event("failed"), "time": "2026-11-22T07:45:24"}).failure.failed_at == FAILED.failed_at


def test_fields_that_aws_or_a_caller_adds_are_no_reason_to_refuse():
    assert only({**failed(retryCount=3), "trace": {}}).failure == FAILED
    assert only({**event("plain"), "source": "my.scheduler", "token": 1}).failure.step_id == STEP


def test_what_is_not_needed_may_be_missing():
    detail = {"severity": ..., "actionOnFailure": ..., "message": ..., "name": ...}
    assert only(failed(**detail)).failure.job_name is None


def test_a_long_or_broken_name_is_cut_and_mended():
    name = only(failed(name="\ud800" + "x" * 1000)).failure.job_name
    assert len(name) == 256
    assert name.encode()


def test_the_id_that_is_known_stands_in_a_rejection():
    delivery = only(event("no_cluster_id"))
    assert (delivery.cluster_id, delivery.step_id) == ("", STEP)
    assert only(failed(clusterId=CLUSTER.lower())).cluster_id == ""


@pytest.mark.parametrize("seed", range(3))
def test_no_value_of_an_event_is_repeated_in_a_reason(seed):
    plain = json.dumps(event("failed"))
    for canary in canaries(seed):
        value = canary.value
        tried = [
            *(failed(**{name: value}) for name in ("clusterId", "stepId", "state")),
            *(failed(**{name: [value]}) for name in ("clusterId", "stepId", "state", "name")),
            *({**event("failed"), name: value} for name in ("source", "detail-type", "region", "detail")),
            *({**event("plain"), name: value} for name in ("clusterId", "stepId", "region")),
            {value: value},
            queued(value),
            queued(json.dumps(value)),
            queued(value, eventSource=value),
            queued(value, messageId=[value]),
            value,
            plain.replace('"FAILED"', value),
            json.dumps([value]),
            f'{{"{canary.key}": 1, "{canary.key}": 2}}',
        ]
        for payload in tried:
            for delivery in read_deliveries(payload):
                if delivery.verdict:
                    assert not leaks(value, delivery.verdict.reason), (canary.kind, delivery.verdict.reason)


def test_a_key_in_the_form_of_an_id_is_redacted():
    key = "AK" + "IA" + "Q3EGRIZXUTWYPDKA"
    assert key not in refused(failed(clusterId="s-" + key))


NAMES = st.sampled_from(
    [
        "Records",
        "body",
        "messageId",
        "eventSource",
        "detail",
        "detail-type",
        "source",
        "clusterId",
        "stepId",
        "state",
        "name",
        "region",
        "time",
        "id",
        "Type",
        "Message",
    ]
)
VALUES = st.sampled_from(
    [
        "aws.emr",
        "aws:sqs",
        "EMR Step Status Change",
        "FAILED",
        CLUSTER,
        STEP,
        "us-east-1",
        "Notification",
        "{}",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | VALUES
LEAVES |= st.text(alphabet=st.characters(categories=["Cs", "Cc"]), max_size=3)
JSON_VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=6)
)  # fmt: skip


def check(payload):
    for delivery in read_deliveries(payload):
        assert (delivery.failure is None) != (delivery.verdict is None)
        if delivery.verdict:
            assert delivery.verdict.status in (Status.INVALID_EVENT, Status.IGNORED)
            assert delivery.verdict.reason.isprintable() and len(delivery.verdict.reason) < 200


@given(JSON_VALUES)
@settings(max_examples=300)
def test_no_json_value_raises(value):
    check(value)
    check(json.dumps(value))
    check({"Records": value})
    check(queued(json.dumps(value)))
    check({**event("failed"), "detail": value})


@given(st.binary(max_size=60) | st.text(max_size=60))
@settings(max_examples=300)
def test_no_bytes_raise(text):
    check(text)
