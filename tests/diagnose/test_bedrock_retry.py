"""Through real botocore over loopback HTTP: every fault with the number of calls that it may cost, within the deadline."""

import threading
import time
from email.utils import formatdate

import bedrockserver as stand_in
import pytest
from bedrockserver import BedrockServer
from edge import DRAFT, MODEL, SECRET, Edge

from diagnose.backoff import BASE_SECONDS, RETRIES
from diagnose.deadline import Deadline
from diagnose.errors import DeadlineError, ModelError
from diagnose.model import Stop

pytestmark = pytest.mark.usefixtures("no_credentials_of_the_machine")

RETRIED = [
    (429, "ThrottlingException"),
    (429, "ModelNotReadyException"),
    (429, "TooManyRequestsException"),
    (400, "ThrottlingException"),
    (408, "ModelTimeoutException"),
    (424, "ModelErrorException"),
    (500, "InternalServerException"),
    (502, "BadGateway"),
    (503, "ServiceUnavailableException"),
    (504, "GatewayTimeout"),
]


@pytest.mark.parametrize(("status", "code"), RETRIED)
def test_a_passing_error_is_retried_five_times(status, code):
    with BedrockServer([stand_in.error(status, code, SECRET)] * 6) as server:
        edge = Edge(server)
        with pytest.raises(ModelError) as raised:
            edge.ask()
    assert len(server.requests) == len(edge.calls) == 6
    assert len(edge.waits) == RETRIES
    assert [call.attempt for call in edge.calls] == [1, 2, 3, 4, 5, 6]
    assert {(call.error, call.http_status, call.stop) for call in edge.calls} == {(code, status, None)}
    assert [call.wait_seconds for call in edge.calls] == [0.0, *edge.waits]
    assert len({call.request_id for call in edge.calls}) == 6
    message = str(raised.value)
    assert f"bedrock:{MODEL}: {code} (HTTP {status}) after 6 attempts" in message
    assert SECRET not in message
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    "fault",
    [
        stand_in.throttled(),
        stand_in.error(503, "ServiceUnavailableException"),
        stand_in.disconnect(),
        stand_in.invalid_json(),
    ],
    ids=["throttled", "unavailable", "disconnected", "damaged"],
)
def test_an_answer_after_a_passing_error_counts(fault):
    with BedrockServer([fault, fault, stand_in.ok(DRAFT)]) as server:
        edge = Edge(server)
        assert edge.ask().text == DRAFT
    assert len(server.requests) == 3
    assert [call.stop for call in edge.calls] == [None, None, Stop.COMPLETE]
    assert all(0 <= wait <= BASE_SECONDS * 2**i for i, wait in enumerate(edge.waits))


@pytest.mark.parametrize(
    ("status", "code", "words", "advice"),
    [
        (400, "ValidationException", SECRET, "guardrail id"),
        (400, "ValidationException", "Input is too long for requested model.", "lower MAX_LOG_SIZE_BYTES"),
        (400, "ValidationException", "on-demand throughput isn't supported", "inference profiles only"),
        (400, "ServiceQuotaExceededException", SECRET, "refused as it is"),
        (403, "AccessDeniedException", f"User {SECRET} is not authorized", "bedrock:ApplyGuardrail"),
        (403, "AccessDeniedException", f"bedrock:InvokeTool {SECRET}", "bedrock:InvokeModel"),
        (403, "ExpiredTokenException", SECRET, "refresh the AWS credentials"),
        (404, "ResourceNotFoundException", SECRET, "in this region"),
    ],
)
def test_a_lasting_error_ends_at_once_and_says_what_to_do(status, code, words, advice):
    with BedrockServer([stand_in.error(status, code, words)]) as server:
        edge = Edge(server)
        with pytest.raises(ModelError, match=code) as raised:
            edge.ask()
    assert len(server.requests) == len(edge.calls) == 1
    assert edge.waits == []
    assert (edge.calls[0].error, edge.calls[0].http_status) == (code, status)
    assert advice in str(raised.value)
    assert SECRET not in str(raised.value)
    assert words not in str(raised.value)
    assert raised.value.__context__ is None


def test_without_credentials_nothing_is_sent():
    with BedrockServer([]) as server:
        edge = Edge(server, credentials={})
        with pytest.raises(ModelError, match="NoCredentialsError; give AWS credentials"):
            edge.ask()
    assert server.requests == []
    assert len(edge.calls) == 1


def test_a_dead_endpoint_is_tried_again():
    with BedrockServer([]) as server:
        pass
    edge = Edge(server)
    with pytest.raises(
        ModelError, match=r"EndpointConnectionError after 6 attempts; is the Bedrock endpoint reachable"
    ):
        edge.ask()
    assert len(edge.calls) == 6


def test_a_silent_service_is_tried_again_after_the_time_out():
    released = threading.Event()
    with BedrockServer([stand_in.slow(released), stand_in.ok(DRAFT)]) as server:
        edge = Edge(server, read_timeout=0.2)
        assert edge.ask().text == DRAFT
        released.set()
    assert [call.error for call in edge.calls] == ["ReadTimeoutError", None]
    assert edge.timeouts == [120.0]


@pytest.mark.parametrize(
    ("throttle", "wait"),
    [
        (stand_in.throttled("41"), 41),
        (stand_in.throttled(milliseconds="43000"), 43),
        (stand_in.throttled("41", milliseconds="43000"), 43),
    ],
)
def test_the_wait_that_the_service_asks_for_is_kept(throttle, wait):
    with BedrockServer([throttle, stand_in.ok(DRAFT)]) as server:
        edge = Edge(server)
        edge.ask()
    assert edge.waits == [wait]


def test_a_date_to_come_back_at_is_kept():
    with BedrockServer(
        [stand_in.throttled(formatdate(time.time() + 90, usegmt=True)), stand_in.ok(DRAFT)]
    ) as server:
        edge = Edge(server)
        edge.ask()
    assert 80 < edge.waits[0] < 91


def test_a_wait_that_does_not_fit_ends_at_once():
    with BedrockServer([stand_in.throttled("41")]) as server:
        edge = Edge(server)
        with pytest.raises(DeadlineError, match=r"ThrottlingException, next attempt in 41\.0 s"):
            edge.ask(deadline=Deadline(lambda: 71.9, reserve_seconds=30))
    assert len(server.requests) == len(edge.calls) == 1
    assert edge.waits == []


def test_no_call_is_begun_when_the_time_is_up():
    with BedrockServer([]) as server:
        edge = Edge(server)
        with pytest.raises(DeadlineError, match=MODEL):
            edge.ask(deadline=Deadline(lambda: 30.9, reserve_seconds=30))
    assert edge.calls == edge.timeouts == []


@pytest.mark.parametrize(
    ("left", "timeout"), [(1000, 120), (120, 120), (119, 115), (12.5, 10), (9.9, 9), (1.2, 1)]
)
def test_a_call_may_take_no_longer_than_the_deadline_lets_it(left, timeout):
    with BedrockServer([stand_in.ok(DRAFT)]) as server:
        edge = Edge(server)
        edge.ask(deadline=Deadline(lambda: left))
    assert edge.timeouts == [timeout]


def test_a_time_out_that_the_deadline_caused_is_no_fault_of_the_model():
    released = threading.Event()
    with BedrockServer([stand_in.slow(released)]) as server:
        edge = Edge(server, read_timeout=0.2)
        with pytest.raises(DeadlineError, match="no answer in 25 s"):
            edge.ask(deadline=Deadline(lambda: 27.0))
        released.set()
    assert [call.error for call in edge.calls] == ["ReadTimeoutError"]


def test_few_clients_are_made():
    left = iter([58.0, 57.0, 56.0, 55.5, 55.0, 55.0])
    last = 55.0

    def remaining() -> float:
        nonlocal last
        last = next(left, last)
        return last

    with BedrockServer([stand_in.throttled(), stand_in.throttled(), stand_in.ok(DRAFT)]) as server:
        edge = Edge(server)
        edge.ask(deadline=Deadline(remaining))
    assert edge.timeouts == [55.0]
