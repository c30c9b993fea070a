"""A delivery in, its diagnosis published out, once however often the platform repeats the event.

A queued event is claimed before the work and marked done only after publication: what fails in between is
tried again. One that another delivery is at waits until that one has ended: only what is done is IGNORED. A
direct call always diagnoses. What the event itself rules out (INVALID_EVENT, IGNORED) costs no call.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.diagnosis import Diagnosis, Status
from diagnose.errors import DeliveryError
from diagnose.event import Delivery, Origin
from diagnose.failure import Failure
from diagnose.pipeline import Result, run, start
from diagnose.repeat import Hold, Repeats, repeat_key
from diagnose.state import Kit, State
from diagnose.telemetry import Silent, Telemetry
from diagnose.verdict import refuse

LATE_SECONDS: Final = 60.0
"""Until logs that are not there yet are looked for again; EMR uploads every five minutes."""
_LOGGER: Final = logging.getLogger(__name__)


def _publish_nowhere(_: Diagnosis) -> None:
    return


def _silent(_: Failure) -> Telemetry:
    return Silent()


@dataclass(frozen=True, kw_only=True, slots=True)
class Intake:
    """What serving deliveries needs."""

    kit: Kit
    repeats: Repeats
    walk: Callable[[State, Kit], Result] = run
    """Walks the stages: `pipeline.run`, or a chain that was made of the kit."""
    publish: Callable[[Diagnosis], None] = _publish_nowhere
    """Gives the diagnosis to whoever subscribed; raises when it could not."""
    telemetry: Callable[[Failure], Telemetry] = _silent
    deadline: Deadline = NO_DEADLINE
    patient: bool = True
    """A queue delivers again, so logs that are late are waited for; false: what is there is diagnosed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """What became of a delivery."""

    delivery: Delivery
    diagnosis: Diagnosis | None
    """None when postponed."""
    again_seconds: float | None = None
    """Deliver again after so long: the logs are not there yet, or another delivery is at this failure. No
    model was asked."""
    result: Result | None = None
    """All that the run made; None when nothing was run."""

    @property
    def postponed(self) -> bool:
        """Tell whether it must be delivered again."""
        return self.again_seconds is not None


def serve(delivery: Delivery, intake: Intake) -> Served:
    """Serve one delivery.

    Args:
        delivery: as `event.read_deliveries` gave it.
        intake: kit, repeats, publisher.

    Raises:
        UsageError: prompt or recording can't be used; the claim is given back.
        DeliveryError: another delivery is at an event that no queue can deliver again.
        Exception: whatever `publish` raises but for a direct call's `DeliveryError`, which is a gap of its
            payload; the claim is given back, so the delivery can come again.
    """
    if delivery.failure is None:
        return _refused(delivery, intake)
    if delivery.origin is Origin.DIRECT:
        return _served(delivery, delivery.failure, intake)
    owner, key = _owner(delivery), repeat_key(delivery.failure)
    claim = intake.repeats.claim(key, owner=owner)
    if claim.hold is Hold.DONE:
        return _answered(delivery, intake, Status.IGNORED, "this failure was diagnosed already")
    if claim.hold is Hold.BUSY:
        return _waiting(delivery, claim.wait_seconds)
    done = False
    try:
        served = _served(delivery, delivery.failure, intake)
        done = not served.postponed
    finally:
        _settle(intake.repeats, key, owner, done=done)
    return served


def _owner(delivery: Delivery) -> str:
    """Name who asks: one receipt of a message, or an event whose asynchronous call Lambda repeats."""
    if delivery.receipt:
        return hashlib.sha256(delivery.receipt.encode()).hexdigest()
    return delivery.message_id or delivery.event_id or uuid4().hex


def _waiting(delivery: Delivery, seconds: float) -> Served:
    if delivery.origin is not Origin.QUEUE:
        raise DeliveryError(
            "another delivery is at this failure, and this one can't be put off; send it again later"
        )
    return Served(delivery=delivery, diagnosis=None, again_seconds=seconds)


def _settle(repeats: Repeats, key: str, owner: str, *, done: bool) -> None:
    """End a claim; a table that is gone must not undo what is published, nor hide what went wrong before."""
    try:
        repeats.settle(key, owner=owner, done=done)
    except DeliveryError as error:
        _LOGGER.warning("the claim ends by itself: %s", error)


def _served(delivery: Delivery, failure: Failure, intake: Intake) -> Served:
    state = start(
        failure,
        intake.kit,
        deadline=intake.deadline,
        telemetry=intake.telemetry(failure),
        patient=intake.patient and delivery.origin is Origin.QUEUE,
    )
    result = intake.walk(state, intake.kit)
    if result.state.postponed:
        return Served(delivery=delivery, diagnosis=None, again_seconds=LATE_SECONDS, result=result)
    return Served(delivery=delivery, diagnosis=_published(delivery, result.diagnosis, intake), result=result)


def _published(delivery: Delivery, diagnosis: Diagnosis, intake: Intake) -> Diagnosis:
    """Publish; a direct caller gets the payload, which may have been paid for, even when nobody else does."""
    try:
        intake.publish(diagnosis)
    except DeliveryError as error:
        if delivery.origin is not Origin.DIRECT:
            raise
        _LOGGER.error("a direct call's diagnosis is not published: %s", error)  # noqa: TRY400 - our own words
        return diagnosis.model_copy(
            update={"gaps": [*diagnosis.gaps, "this diagnosis could not be published"]}
        )
    return diagnosis


def _refused(delivery: Delivery, intake: Intake) -> Served:
    verdict = delivery.verdict
    if verdict is None:
        raise AssertionError("a delivery without a failure says why")
    return _answered(delivery, intake, verdict.status, verdict.reason)


def _answered(delivery: Delivery, intake: Intake, status: Status, reason: str) -> Served:
    diagnosis = refuse(
        status,
        reason,
        cluster_id=delivery.cluster_id,
        step_id=delivery.step_id,
        moment=intake.kit.now(),
    )
    return Served(delivery=delivery, diagnosis=diagnosis)
