"""One question over the wire: attempts, the waits between them and the clock, until an answer or an error.

`Backoff.ask` takes a function that makes one attempt and says what came of it: an `Answer`, or a `Fault` when
nothing usable came. It tells every attempt to the sink. Faults are values and not exceptions, so that the
errors raised here carry no chain back to a library's message, which may quote the request.
Imported lazily only: it loads tenacity.
"""

import math
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt

from diagnose.deadline import Deadline
from diagnose.errors import DeadlineError, ModelError
from diagnose.model import CallSink, ModelCall, ModelReply, Stop
from diagnose.timebox import within
from diagnose.usage import Usage

RETRIES: Final = 5
"""After the first call, so six calls at most."""
BASE_SECONDS: Final = 2.0
CAP_SECONDS: Final = 30.0
"""The longest waits are 2, 4, 8, 16 and 30 seconds, together a minute: the window of Bedrock's token quotas.
Full jitter halves that on average and keeps many failing steps from coming back all at once."""
LONGEST_ASKED_SECONDS: Final = 300.0
"""A service that asks for more is gone for longer than a run may take: better an error now."""
GRACE_SECONDS: Final = 0.5
"""Beyond the client's own time-out, so that its error comes first where it works."""
SHORTEST_CALL_SECONDS: Final = 1.0
"""No model answers in less; with less time left no call is begun."""
DEFAULT_TIMEOUT_SECONDS: Final = 120.0
"""A reply of 1,024 tokens takes 10 to 40 seconds; the first of a schema waits until that is compiled."""

RETRYABLE_STATUS: Final = frozenset({408, 424, 425, 429, 500, 502, 503, 504, 529})
"""Time-outs, throttling, a failing model or gateway, overload. Source: Bedrock Runtime API, errors of
Converse (408, 424, 429, 500, 503); RFC 9110 and RFC 8470; 529 is Anthropic's own API."""
_NUMBER: Final = re.compile(r"\d{1,9}(?:\.\d{1,9})?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a service answered; billed, whatever its `stop`."""

    text: str
    stop: Stop
    usage: Usage
    policies: tuple[str, ...] = ()
    request_id: str | None = None
    http_status: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One attempt without an answer; holds no text of request or reply."""

    code: str
    """Error code of the service, or the exception's class."""
    http_status: int | None = None
    request_id: str | None = None
    retryable: bool = False
    timed_out: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the error response; `Retry-After` and `x-amz-retry-after` are read."""
    advice: str = ""
    """What to do next, in our own words."""


Send = Callable[[float], Answer | Fault]
"""Makes one attempt that may take so many seconds."""


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """How a question is asked again: full jitter, what the service asks for, the deadline above all.

    Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog.
    """

    sleep: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=random.SystemRandom)
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    """Seconds since 1970, for a `Retry-After` that is a date."""
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS

    def ask(
        self,
        send: Send,
        *,
        name: str,
        model_id: str,
        cost: Callable[[Usage], float | None],
        deadline: Deadline,
        sink: CallSink,
    ) -> ModelReply:
        """Ask until an answer comes, an error is final, or the time is up.

        Args:
            send: makes one attempt.
            name: of the model, for messages.
            model_id: for the records of attempts.
            cost: price of a usage in US dollars; None when not known.
            deadline: no wait or attempt goes beyond it.
            sink: takes every attempt.

        Raises:
            ModelError: the error is final, or came once more after the last retry.
            DeadlineError: the time is up, or the next wait would not fit.
        """
        trail = _Trail(name=name, model_id=model_id, cost=cost, deadline=deadline, sink=sink, rule=self)
        retrying = Retrying(
            stop=stop_after_attempt(1 + RETRIES),
            retry=retry_if_result(lambda outcome: isinstance(outcome, Fault) and outcome.retryable),
            wait=trail.wait_seconds,
            sleep=self.sleep,
            retry_error_callback=_last,
        )
        outcome: Answer | Fault = retrying(trail.attempt, send)
        if isinstance(outcome, Fault):
            raise trail.error(outcome)
        return ModelReply(
            text=outcome.text,
            stop=outcome.stop,
            usage=outcome.usage,
            cost_usd=cost(outcome.usage),
            policies=outcome.policies,
        )


def _last(state: RetryCallState) -> Answer | Fault:
    return _outcome(state)


def _outcome(state: RetryCallState) -> Answer | Fault:
    if state.outcome is None:  # tenacity sets it before it asks how long to wait
        raise RuntimeError("no attempt was made")
    outcome: Answer | Fault = state.outcome.result()
    return outcome


@dataclass(kw_only=True)
class _Trail:
    """The attempts of one question."""

    name: str
    model_id: str
    cost: Callable[[Usage], float | None]
    deadline: Deadline
    sink: CallSink
    rule: Backoff
    attempts: int = 0
    waited_seconds: float = 0.0

    def attempt(self, send: Send) -> Answer | Fault:
        left = self.deadline.left_seconds()
        if left < SHORTEST_CALL_SECONDS:
            raise DeadlineError(f"time ran out while waiting for {self.name}")
        self.attempts += 1
        timeout = fitting_seconds(min(self.rule.timeout_seconds, left))
        begun = self.rule.clock()
        outcome = self._sent(send, timeout)
        self.sink(self._call(outcome, self.rule.clock() - begun))
        if isinstance(outcome, Fault) and outcome.timed_out and timeout < self.rule.timeout_seconds:
            raise DeadlineError(f"time ran out while waiting for {self.name}: no answer in {timeout:g} s")
        return outcome

    def _sent(self, send: Send, timeout: float) -> Answer | Fault:
        """Send; a reply that trickles is given up like one that does not come."""
        try:
            return within(timeout + GRACE_SECONDS, lambda: send(timeout), self.name)
        except DeadlineError:
            return Fault(code="TooSlow", retryable=True, timed_out=True)

    def _call(self, outcome: Answer | Fault, seconds: float) -> ModelCall:
        usage = Usage() if isinstance(outcome, Fault) else outcome.usage
        return ModelCall(
            model_id=self.model_id,
            attempt=self.attempts,
            request_id=outcome.request_id,
            error=outcome.code if isinstance(outcome, Fault) else None,
            http_status=outcome.http_status,
            wait_seconds=self.waited_seconds,
            stop=None if isinstance(outcome, Fault) else outcome.stop,
            usage=usage,
            cost_usd=self.cost(usage),
            duration_ms=round(seconds * 1000),
        )

    def wait_seconds(self, state: RetryCallState) -> float:
        """Tell how long to wait before the next attempt; tenacity asks after the last one, too."""
        fault = _outcome(state)
        if not isinstance(fault, Fault) or self.attempts > RETRIES:
            return 0.0
        longest = min(CAP_SECONDS, BASE_SECONDS * 2 ** (self.attempts - 1))
        asked = asked_seconds(fault.headers, now=self.rule.now())
        wait = max(self.rule.rng.uniform(0, longest), asked)
        if wait + SHORTEST_CALL_SECONDS > self.deadline.left_seconds():
            raise DeadlineError(
                f"time ran out while waiting for {self.name}: {fault.code}, next attempt in {wait:.1f} s"
            )
        if asked > LONGEST_ASKED_SECONDS:
            raise ModelError(f"{self.name}: {fault.code}, asks to come back in {asked:.0f} s; try again then")
        self.waited_seconds = wait
        return wait

    def error(self, fault: Fault) -> ModelError:
        status = f" (HTTP {fault.http_status})" if fault.http_status else ""
        tried = f" after {self.attempts} attempts" if self.attempts > 1 else ""
        advice = f"; {fault.advice}" if fault.advice else ""
        return ModelError(f"{self.name}: {fault.code}{status}{tried}{advice}")


def fitting_seconds(seconds: float) -> float:
    """Round a time-out down, so that few different clients are made: whole seconds, from 10 on steps of 5."""
    if seconds >= 2 * 5:
        return seconds - math.fmod(seconds, 5)
    return float(math.floor(seconds)) if seconds >= 1 else seconds


def asked_seconds(headers: Mapping[str, str], *, now: float) -> float:
    """Tell how long a service asks to wait; 0 when it does not say.

    Args:
        headers: of the error response, names in any case.
        now: seconds since 1970.

    Returns:
        The longer of `Retry-After` (seconds or a date; RFC 9110, 10.2.3) and `x-amz-retry-after`
        (milliseconds; botocore, retries/standard.py). What is neither counts as 0.
    """
    low = {name.lower(): str(value).strip() for name, value in headers.items()}
    plain, amazon = low.get("retry-after", ""), low.get("x-amz-retry-after", "")
    seconds = float(plain) if _NUMBER.fullmatch(plain) else _until(plain, now)
    return max(seconds, float(amazon) / 1000 if _NUMBER.fullmatch(amazon) else 0.0, 0.0)


def _until(date: str, now: float) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except (TypeError, ValueError, OverflowError, IndexError):
        return 0.0
