"""Attempts and waits, without any network."""

import random
from email.utils import formatdate

import pytest

from diagnose.backoff import (
    BASE_SECONDS,
    CAP_SECONDS,
    LONGEST_ASKED_SECONDS,
    RETRIES,
    Answer,
    Backoff,
    Fault,
    asked_seconds,
    fitting_seconds,
)
from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.errors import DeadlineError, ModelError
from diagnose.model import Stop
from diagnose.usage import Usage

NOW = 1_795_000_000.0
ANSWER = Answer(
    text="{}",
    stop=Stop.COMPLETE,
    usage=Usage(input_tokens=7),
    policies=("wordPolicy",),
    request_id="r",
    http_status=200,
)
PASSING = Fault(code="Throttled", http_status=429, request_id="q", retryable=True, advice="wait")


class Top(random.Random):
    """Always draws the longest wait."""

    def uniform(self, a: float, b: float) -> float:
        return b


class World:
    """A clock that only sleeping and calls move."""

    def __init__(self, outcomes, *, left: float | None = None, call_seconds: float = 0.0, rng=None) -> None:
        self.clock, self.waits, self.calls, self.timeouts = 0.0, [], [], []
        self._outcomes, self._call_seconds = iter(outcomes), call_seconds
        self._deadline = NO_DEADLINE if left is None else Deadline(lambda: left - self.clock)
        self._backoff = Backoff(
            sleep=self._sleep, rng=rng or Top(), clock=lambda: self.clock, now=lambda: NOW
        )

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock += seconds

    def _send(self, timeout: float):
        self.timeouts.append(timeout)
        self.clock += self._call_seconds
        return next(self._outcomes)

    def ask(self):
        return self._backoff.ask(
            self._send,
            name="bedrock:m",
            model_id="m",
            cost=lambda usage: usage.input_tokens * 1.0,
            deadline=self._deadline,
            sink=self.calls.append,
        )


def test_an_answer_is_handed_on_whole():
    world = World([ANSWER], call_seconds=1.234)
    reply = world.ask()
    assert (reply.text, reply.stop, reply.usage, reply.cost_usd, reply.policies) == (
        "{}", Stop.COMPLETE, Usage(input_tokens=7), 7.0, ("wordPolicy",),
    )  # fmt: skip
    (call,) = world.calls
    assert (call.request_id, call.http_status, call.duration_ms, call.error) == ("r", 200, 1234, None)


def test_the_longest_waits_double_up_to_the_cap():
    world = World([PASSING] * 6)
    with pytest.raises(ModelError, match=r"^bedrock:m: Throttled \(HTTP 429\) after 6 attempts; wait$"):
        world.ask()
    assert world.waits == [min(CAP_SECONDS, BASE_SECONDS * 2**i) for i in range(RETRIES)]
    assert [call.wait_seconds for call in world.calls] == [0.0, *world.waits]
    assert [call.attempt for call in world.calls] == [1, 2, 3, 4, 5, 6]


def test_jitter_is_full():
    waits = []
    for seed in range(200):
        world = World([PASSING, ANSWER], rng=random.Random(seed))
        world.ask()
        waits += world.waits
    assert min(waits) < 0.1 * BASE_SECONDS
    assert max(waits) > 0.9 * BASE_SECONDS
    assert max(waits) <= BASE_SECONDS


def test_a_lasting_fault_is_final():
    world = World([Fault(code="AccessDenied", http_status=403, advice="grant it")])
    with pytest.raises(ModelError, match=r"^bedrock:m: AccessDenied \(HTTP 403\); grant it$"):
        world.ask()
    assert world.waits == []
    assert world.calls[0].cost_usd == 0.0


def test_a_blocked_or_cut_answer_is_not_asked_again():
    for stop in (Stop.INPUT_BLOCKED, Stop.OUTPUT_BLOCKED, Stop.TRUNCATED, Stop.MALFORMED):
        world = World([Answer(text="", stop=stop, usage=Usage())])
        assert world.ask().stop is stop
        assert len(world.calls) == 1


def test_what_the_service_asks_for_is_kept():
    asked = Fault(code="Throttled", retryable=True, headers={"Retry-After": "77"})
    world = World([asked, ANSWER])
    world.ask()
    assert world.waits == [77]


def test_a_service_that_is_gone_for_long_is_not_waited_for():
    gone = Fault(
        code="Throttled", retryable=True, headers={"retry-after": str(int(LONGEST_ASKED_SECONDS) + 1)}
    )
    with pytest.raises(ModelError, match="asks to come back in 301 s"):
        World([gone]).ask()
    with pytest.raises(DeadlineError):
        World([gone], left=200).ask()


def test_waits_and_calls_stay_within_the_deadline():
    world = World([PASSING] * 6, left=40, call_seconds=1.0)
    with pytest.raises(DeadlineError, match="Throttled, next attempt in 30"):
        world.ask()
    assert world.clock <= 40
    assert world.timeouts == [40, 35, 30, 20, 6]


def test_the_last_fault_is_told_even_when_no_wait_would_fit():
    world = World([PASSING] * 6, left=67, call_seconds=1.0)
    with pytest.raises(ModelError, match="after 6 attempts"):
        world.ask()


def test_a_time_out_by_the_deadline_is_told_as_such():
    late = Fault(code="ReadTimeout", retryable=True, timed_out=True)
    with pytest.raises(DeadlineError, match="no answer in 30 s"):
        World([late], left=33).ask()
    world = World([late, ANSWER], left=330)
    assert world.ask().text == "{}"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"Retry-After": "3"}, 3),
        ({"RETRY-AFTER": " 3 "}, 3),
        ({"retry-after": "1.5"}, 1.5),
        ({"Retry-After": "-3"}, 0),
        ({"Retry-After": "inf"}, 0),
        ({"Retry-After": "nan"}, 0),
        ({"Retry-After": "9" * 400}, 0),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": ""}, 0),
        ({"Retry-After": formatdate(NOW + 20, usegmt=True)}, 20),
        ({"Retry-After": formatdate(NOW - 20, usegmt=True)}, 0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:99 GMT"}, 0),
        ({"x-amz-retry-after": "2500"}, 2.5),
        ({"x-amz-retry-after": "x"}, 0),
        ({"x-amz-retry-after": "2500", "Retry-After": "2"}, 2.5),
        ({"x-amz-retry-after": "2500", "Retry-After": "4"}, 4),
    ],
)
def test_every_form_of_retry_after_is_read(headers, seconds):
    assert asked_seconds(headers, now=NOW) == seconds


@pytest.mark.parametrize(
    ("given", "fitting"), [(60, 60), (59.9, 55), (10, 10), (9.99, 9), (1, 1), (0.4, 0.4)]
)
def test_time_outs_are_rounded_down(given, fitting):
    assert fitting_seconds(given) == fitting
