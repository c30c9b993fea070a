"""A delivery in, its diagnosis published out, once however often the platform repeats the event.

A queued event is claimed before the work and marked done only after publication: what fails in between is
tried again. A direct call always diagnoses. What the event itself rules out (INVALID_EVENT, IGNORED) costs no
call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.diagnosis import Diagnosis, Status
from diagnose.event import Delivery, Origin
from diagnose.failure import Failure
from diagnose.pipeline import Result, run, start
from diagnose.repeat import Repeats, repeat_key
from diagnose.state import Kit, State
from diagnose.telemetry import Silent, Telemetry
from diagnose.verdict import refuse


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
    postponed: bool = False
    """The logs are not there yet: deliver again later. No model was asked."""
    result: Result | None = None
    """All that the run made; None when nothing was run."""


def serve(delivery: Delivery, intake: Intake) -> Served:
    """Serve one delivery.

    Args:
        delivery: as `event.read_deliveries` gave it.
        intake: kit, repeats, publisher.

    Raises:
        UsageError: prompt or recording can't be used; the claim is given back.
        Exception: whatever `publish` raises; the claim is given back, so the delivery can come again. When
            the repeats can't be settled after publication, it comes again and is published twice.
    """
    if delivery.failure is None:
        return _refused(delivery, intake)
    if delivery.origin is Origin.DIRECT:
        return _served(delivery, delivery.failure, intake)
    owner = delivery.message_id or delivery.event_id or uuid4().hex
    key = repeat_key(delivery.failure)
    if not intake.repeats.claim(key, owner=owner):
        reason = "this failure was diagnosed already, or is being diagnosed"
        return _answered(delivery, intake, Status.IGNORED, reason)
    done = False
    try:
        served = _served(delivery, delivery.failure, intake)
        done = not served.postponed
    finally:
        intake.repeats.settle(key, owner=owner, done=done)
    return served


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
        return Served(delivery=delivery, diagnosis=None, postponed=True, result=result)
    intake.publish(result.diagnosis)
    return Served(delivery=delivery, diagnosis=result.diagnosis, result=result)


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
