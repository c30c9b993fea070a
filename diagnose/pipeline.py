"""The stages of one diagnosis, in order, over local logs: the imperative shell of the package.

    place → incident (logs) → redaction → view (findings, excerpt) → analyst → verdict

`run_logs` walks them and returns everything worth looking at; `diagnose_logs` and `excerpt_logs` return the
payload and the excerpt alone. Clients, clock and catalogue are arguments with the packaged defaults.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from diagnose.advice import AdvicePolicy, load_policy
from diagnose.analyst import Analyst, RulesAnalyst, View
from diagnose.coverage import Coverage, cover
from diagnose.diagnosis import Diagnosis
from diagnose.excerpt import LogExcerpt
from diagnose.failure import Failure
from diagnose.incident import gather
from diagnose.place import Place, find_place
from diagnose.redaction import Redaction, Redactor
from diagnose.settings import Settings, load_settings
from diagnose.sign import WriteSign
from diagnose.signature import Catalogue, load_catalogue
from diagnose.verdict import Frame, decide
from diagnose.view import build_view, redact_incident

STAGES: Final = ("log", "redaction", "excerpt", "analyst", "verdict")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kit:
    """What every diagnosis needs and none changes: load once."""

    catalogue: Catalogue
    policy: AdvicePolicy
    analyst: Analyst


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What a run came to: the payload, the excerpt, and the redacted view behind both."""

    diagnosis: Diagnosis
    view: View

    @property
    def excerpt(self) -> LogExcerpt:
        """The redacted excerpt."""
        return self.view.excerpt


@cache
def default_kit() -> Kit:
    """Load the packaged catalogue and policy, with the rules analyst."""
    return Kit(catalogue=load_catalogue(), policy=load_policy(), analyst=RulesAnalyst())


def run_logs(
    path: Path | str,
    *,
    step_id: str | None = None,
    settings: Settings | None = None,
    kit: Kit | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> State:
    """Diagnose the logs at a path.

    Args:
        path: a file, an EMR log tree, a case folder, or `-` for standard input.
        step_id: the step, where the tree holds several.
        settings: read from the environment by default.
        kit: the packaged catalogue, policy and rules by default.
        now: the clock.

    Returns:
        The state; its diagnosis is complete whatever the logs are.

    Raises:
        UsageError: the path does not exist, or a setting can't be used.
    """
    return run_place(find_place(path, step_id=step_id), settings=settings, kit=kit, now=now)


def run_place(
    place: Place,
    *,
    settings: Settings | None = None,
    kit: Kit | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> State:
    """Diagnose the logs behind a log store; see `run_logs`."""
    settings = settings or load_settings()
    kit = kit or default_kit()
    watch = _Watch()
    incident = gather(place.store, place.failure, place.context, settings, place.gaps)
    watch.lap("log")
    redaction = _redactor(settings.redaction_extra_patterns, numbered=settings.redaction_numbered).session()
    redacted = redact_incident(incident, redaction)
    values = {k: redaction.text(v) for k, v in place.context.template_values().items()}
    watch.lap("redaction")
    view = build_view(incident, redacted, kit.catalogue, values=values, max_bytes=settings.max_log_size_bytes)
    watch.lap("excerpt")
    coverage = cover(incident, fetched=settings.yarn_log_fetch_enabled)
    return State(
        diagnosis=_verdict(
            incident.failure,
            view,
            signs=redacted.signs,
            coverage=coverage,
            kit=kit,
            redaction=redaction,
            watch=watch,
            moment=now(),
        ),
        view=view,
    )


def _verdict(
    failure: Failure,
    view: View,
    *,
    signs: tuple[WriteSign, ...],
    coverage: Coverage,
    kit: Kit,
    redaction: Redaction,
    watch: "_Watch",
    moment: datetime,
) -> Diagnosis:
    draft = kit.analyst.analyse(view)
    watch.lap("analyst")
    frame = Frame(
        failure=failure,
        analyst=kit.analyst.name,
        analysis_timestamp=moment,
        completed_stages=STAGES,
        stage_ms=watch.laps,
    )
    return decide(
        draft,
        frame=frame,
        excerpt=view.excerpt,
        signs=signs,
        coverage=coverage,
        policy=kit.policy,
        redact=redaction.text,
    )


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


@cache
def _redactor(extra_patterns: tuple[str, ...], *, numbered: bool) -> Redactor:
    return Redactor(extra_patterns, numbered=numbered)


class _Watch:
    """Times the stages, in whole milliseconds."""

    def __init__(self) -> None:
        self.laps: dict[str, int] = {}
        self._last = time.monotonic()

    def lap(self, stage: str) -> None:
        moment = time.monotonic()
        self.laps[stage] = round((moment - self._last) * 1000)
        self._last = moment
