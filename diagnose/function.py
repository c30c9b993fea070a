"""One invocation of the function in, what Lambda wants back out: a payload, or which messages come again.

A direct call gets its diagnosis. A batch of a queue gets `batchItemFailures`: what failed, came before its
logs, or could not be begun in time. Nothing is lost: a message leaves the queue only when its diagnosis is
published, or when it tells of nothing to diagnose; an invalid one fails until it is a dead letter.
Clients, clock and instruments are given; the edge is `lambda/handler.py`.
Source: AWS Lambda developer guide, "Handling errors for an SQS event source in Lambda".
"""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from diagnose.deadline import Deadline
from diagnose.diagnosis import Diagnosis, Status
from diagnose.errors import DeliveryError, InvocationError
from diagnose.event import Delivery, Origin, read_deliveries
from diagnose.failure import Failure
from diagnose.intake import Intake, Served, serve
from diagnose.metric import Meter
from diagnose.pipeline import Result
from diagnose.repeat import Repeats
from diagnose.state import Kit, State
from diagnose.telemetry import Collector, Fork, Telemetry
from diagnose.trail import Trail
from diagnose.visibility import AT_ONCE_SECONDS, MAX_SECONDS

BEGIN_SECONDS: Final = 60.0
"""What a further message of a batch must find left before the reserve; one diagnosis rarely takes longer. Of
a short invocation it is half, so that a batch is never stuck, but not less than most diagnoses take."""
MIN_BEGIN_SECONDS: Final = 15.0
MIN_RETRY_SECONDS: Final = 60.0
MAX_RETRY_SECONDS: Final = 1800.0
"""A message that failed waits half its age: a moment's trouble costs minutes, and the receipts that it has
outlast an outage of hours."""
MAX_ERROR_CHARS: Final = 1000
"""Of an exception's words that a direct caller sees."""
_LOGGER: Final = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """What diagnoses the failures of one region."""

    kit: Kit
    walk: Callable[[State, Kit], Result]
    """Walks the stages, see `Intake.walk`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """What every invocation needs: made once, when the process starts."""

    route: Callable[[str], Route]
    """By region; "" is the function's own."""
    repeats: Repeats
    publish: Callable[[Diagnosis], None]
    put_off: Callable[[str, int], None]
    """Lets a message come again: receipt handle, seconds; may raise `DeliveryError`."""
    meter: Meter
    trail: Trail
    telemetry: Callable[[Failure, str], Telemetry]
    """Where stages and calls of a failure are told; the second argument is the trace header."""
    redact: Callable[[str], str]
    """Cleans what a direct caller is told of an exception, with the patterns of the settings."""
    reserve_seconds: float
    token_budget: int
    monotonic_seconds: Callable[[], float]
    now: Callable[[], datetime]

    def invoke(
        self, payload: object, *, remaining_seconds: Callable[[], float], trace: str = ""
    ) -> dict[str, Any]:
        """Serve one invocation.

        Args:
            payload: a parsed JSON value, see `event.read_deliveries`.
            remaining_seconds: tells how long until Lambda ends the process.
            trace: the X-Ray trace header; "" without one.

        Returns:
            The payload of a direct call, or for a batch `{"batchItemFailures": [{"itemIdentifier": …}]}`.

        Raises:
            InvocationError: a direct call can't be answered; Lambda tries an asynchronous one again. What it
                says is redacted.
        """
        deadline = Deadline(remaining_seconds, self.reserve_seconds)
        deliveries = read_deliveries(payload)
        if deliveries[0].origin is Origin.QUEUE:
            return {"batchItemFailures": self._batch(deliveries, deadline, trace)}
        try:
            with self._trailed(deliveries[0]):
                served = self._serve(deliveries[0], deadline, trace, raises=True)
        except Exception as error:  # noqa: BLE001 - Lambda would print it raw, with its whole chain
            words = self.redact(str(error))[:MAX_ERROR_CHARS]
            raise InvocationError(f"{type(error).__name__}: {words}") from None
        if served.diagnosis is None:
            raise AssertionError("only what a queue delivers is postponed")
        return served.diagnosis.model_dump(mode="json")

    def _batch(self, deliveries: Sequence[Delivery], deadline: Deadline, trace: str) -> list[dict[str, str]]:
        failed: list[dict[str, str]] = []
        needed_seconds = min(BEGIN_SECONDS, max(deadline.left_seconds() / 2, MIN_BEGIN_SECONDS))
        for place, delivery in enumerate(deliveries):
            with self._trailed(delivery):
                if self._taken(delivery, deadline, trace, needed_seconds if place else 0.0):
                    continue
            if delivery.message_id is not None:
                failed.append({"itemIdentifier": delivery.message_id})
            elif delivery.receipt is not None:  # a message all the same: it must not leave the queue
                raise InvocationError("a record without a messageId can't be asked for again; all come again")
        return failed

    def _taken(self, delivery: Delivery, deadline: Deadline, trace: str, needed_seconds: float) -> bool:
        """Serve a message; False when it must come again."""
        invalid = delivery.verdict is not None and delivery.verdict.status is Status.INVALID_EVENT
        if invalid and delivery.receives > 1:
            _LOGGER.warning("an invalid message is on its way to the dead letters")
            return False  # counted at its first receipt
        if delivery.failure is not None and deadline.left_seconds() <= needed_seconds:
            self._put_back(delivery, first=not needed_seconds)
            return False
        try:
            served = self._serve(delivery, deadline, trace)
        except Exception:  # noqa: BLE001 - told by `_serve`; one message must not fail the others
            self._put_off(delivery, self._retry_seconds(delivery), "failed")
            return False
        if served.again_seconds is not None:
            self._put_off(delivery, served.again_seconds, "is too early")
        return not (invalid or served.postponed)

    def _put_back(self, delivery: Delivery, *, first: bool) -> None:
        self.meter.put_back()
        if first:  # nothing worked yet: to come again at once would use up its receipts in seconds
            _LOGGER.error(
                "no time is left but the reserve: DEADLINE_RESERVE_SECONDS is too near the time-out"
            )
        else:
            self._put_off(delivery, AT_ONCE_SECONDS, "was not begun: too little time is left")

    def _serve(self, delivery: Delivery, deadline: Deadline, trace: str, *, raises: bool = False) -> Served:
        """Serve a delivery, and tell of it."""
        start, calls = self.monotonic_seconds(), Collector()
        try:
            served = serve(delivery, self._intake(delivery, deadline, trace, calls))
        except Exception:
            self.trail.status("ERROR")
            self.meter.failed(duration_ms=self._since(start), calls=calls.calls, raised=raises)
            _LOGGER.exception("the delivery failed")
            raise
        self.meter.served(served, duration_ms=self._since(start), calls=calls.calls)
        self._tell(served)
        return served

    def _intake(self, delivery: Delivery, deadline: Deadline, trace: str, calls: Collector) -> Intake:
        route = self.route(delivery.failure.region if delivery.failure is not None else "")
        return Intake(
            kit=route.kit,
            walk=route.walk,
            repeats=self.repeats,
            publish=self.publish,
            telemetry=lambda failure: Fork(calls, self.telemetry(failure, trace)),
            deadline=deadline,
        )

    def _tell(self, served: Served) -> None:
        diagnosis = served.diagnosis
        if diagnosis is None:
            self.trail.status("POSTPONED")
            _LOGGER.info("the delivery is postponed")
            return
        self.trail.status(diagnosis.status.value)
        level = logging.ERROR if diagnosis.status is Status.INVALID_EVENT else logging.INFO
        extra = {"category": diagnosis.category.value, "reason": diagnosis.status_reason}
        _LOGGER.log(level, "the delivery is served", extra=extra)
        if diagnosis.tokens_used > self.token_budget:
            told = {"output_tokens": diagnosis.output_tokens, "input_tokens": diagnosis.input_tokens}
            _LOGGER.warning("more tokens than TOKEN_BUDGET (%d) were used", self.token_budget, extra=told)

    def _put_off(self, delivery: Delivery, seconds: float, why: str) -> None:
        whole = min(math.ceil(seconds), MAX_SECONDS)
        _LOGGER.info("the message %s; it comes again in %d s", why, whole)
        if not delivery.receipt:
            return
        try:
            self.put_off(delivery.receipt, whole)
        except DeliveryError as error:  # it comes again all the same, only later
            _LOGGER.warning("%s", error)
        except Exception:
            _LOGGER.exception("a message could not be put off")

    def _retry_seconds(self, delivery: Delivery) -> float:
        age = (self.now() - delivery.sent_at).total_seconds() if delivery.sent_at else 0.0
        return min(max(age / 2, MIN_RETRY_SECONDS), MAX_RETRY_SECONDS)

    @contextmanager
    def _trailed(self, delivery: Delivery) -> Iterator[None]:
        self.trail.begin(delivery.cluster_id, delivery.step_id)
        try:
            yield
        finally:
            self.trail.end()

    def _since(self, start: float) -> int:
        return round((self.monotonic_seconds() - start) * 1000)
