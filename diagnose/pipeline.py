"""A failure in, its checked diagnosis out: walks the stages of `stage` in order.

`run` takes any start: a place on this machine (`run_place`, `run_logs`), or an event, with AWS clients in the
kit. `chain.chain` wraps the same stages for LangChain. Clients, clock, catalogue and model stand in the kit.
"""

from dataclasses import dataclass, replace
from functools import cache, reduce
from pathlib import Path

from diagnose.advice import AdvicePolicy, load_policy
from diagnose.analyst import View
from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.diagnosis import Diagnosis
from diagnose.excerpt import LogExcerpt
from diagnose.failure import Failure, JobContext
from diagnose.place import Place, find_place
from diagnose.redaction import Redactor
from diagnose.settings import Settings, load_settings
from diagnose.signature import Catalogue, load_catalogue
from diagnose.stage import STAGES, advance
from diagnose.state import Kit, State
from diagnose.telemetry import Silent, Telemetry


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a run came to: the payload, the redacted view behind it, and the state with all that was made."""

    diagnosis: Diagnosis
    view: View
    state: State

    @property
    def excerpt(self) -> LogExcerpt:
        """The redacted excerpt."""
        return self.view.excerpt


def default_kit(settings: Settings | None = None) -> Kit:
    """Make the kit of the rules: packaged catalogue and policy, no client, no model.

    Args:
        settings: read from the environment by default.
    """
    settings = settings or load_settings()
    catalogue, policy = _packaged()
    redactor = _redactor(settings.redaction_extra_patterns, numbered=settings.redaction_numbered)
    return Kit(settings=settings, catalogue=catalogue, policy=policy, redactor=redactor)


@cache
def _packaged() -> tuple[Catalogue, AdvicePolicy]:
    return load_catalogue(), load_policy()


@cache
def _redactor(extra_patterns: tuple[str, ...], *, numbered: bool) -> Redactor:
    return Redactor(extra_patterns, numbered=numbered)


def start(
    failure: Failure,
    kit: Kit,
    *,
    deadline: Deadline = NO_DEADLINE,
    telemetry: Telemetry | None = None,
    patient: bool = False,
) -> State:
    """Begin the diagnosis of a failure whose metadata and logs the kit's sources find.

    Args:
        failure: what an event says.
        kit: with metadata source and archive.
        deadline: when the run must come to its end.
        telemetry: told of every stage and model call.
        patient: the caller comes again when logs are late, see `State.postponed`.
    """
    return State(
        failure=failure,
        context=JobContext(),
        redaction=kit.redactor.session(),
        deadline=deadline,
        telemetry=telemetry or Silent(),
        patient=patient,
    )


def start_place(
    place: Place, kit: Kit, *, deadline: Deadline = NO_DEADLINE, telemetry: Telemetry | None = None
) -> State:
    """Begin the diagnosis of logs that are at hand; see `start`."""
    begun = start(place.failure, kit, deadline=deadline, telemetry=telemetry)
    return replace(begun, context=place.context, store=place.store, gaps=place.gaps)


def run(state: State, kit: Kit) -> Result:
    """Walk all stages.

    Args:
        state: as `start` or `start_place` made it.
        kit: what the stages need.

    Returns:
        The result; its diagnosis is complete whatever happened.

    Raises:
        UsageError: a prompt or a recording can't be used.
    """
    return finish(reduce(lambda before, stage: advance(stage, before, kit), STAGES, state))


def finish(state: State) -> Result:
    """Give the result of a state that has been through every stage."""
    if state.diagnosis is None or state.view is None:
        raise AssertionError("not all stages were taken")
    return Result(diagnosis=state.diagnosis, view=state.view, state=state)


def run_place(place: Place, *, settings: Settings | None = None, kit: Kit | None = None) -> Result:
    """Diagnose the logs behind a log store; see `run_logs`."""
    kit = kit or default_kit(settings)
    return run(start_place(place, kit), kit)


def run_logs(
    path: Path | str,
    *,
    step_id: str | None = None,
    settings: Settings | None = None,
    kit: Kit | None = None,
) -> Result:
    """Diagnose the logs at a path.

    Args:
        path: a file, an EMR log tree, a case folder, or `-` for standard input.
        step_id: the step, where the tree holds several.
        settings: read from the environment by default; not looked at when a kit is given.
        kit: the packaged catalogue, policy and rules by default.

    Returns:
        The result; its diagnosis is complete whatever the logs are.

    Raises:
        UsageError: the path does not exist, or a setting can't be used.
    """
    return run_place(find_place(path, step_id=step_id), settings=settings, kit=kit)


def diagnose_logs(
    path: Path | str, *, step_id: str | None = None, settings: Settings | None = None
) -> Diagnosis:
    """Diagnose the logs at a path; see `run_logs`."""
    return run_logs(path, step_id=step_id, settings=settings).diagnosis


def excerpt_logs(
    path: Path | str, *, step_id: str | None = None, settings: Settings | None = None
) -> LogExcerpt:
    """Give the redacted excerpt of the logs at a path; see `run_logs`."""
    return run_logs(path, step_id=step_id, settings=settings).excerpt
