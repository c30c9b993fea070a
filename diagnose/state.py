"""What every diagnosis needs and none changes (`Kit`), and what one has come to so far (`State`)."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from diagnose.advice import AdvicePolicy
from diagnose.analyst import View
from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.diagnosis import Diagnosis, Status
from diagnose.draft import Draft
from diagnose.excerpt import LogExcerpt
from diagnose.failure import Failure, JobContext
from diagnose.incident import Incident
from diagnose.log import LogStore
from diagnose.metadata import MetadataSource
from diagnose.model import Model, ModelReply
from diagnose.prompt import PromptVersion, RenderedPrompt
from diagnose.redaction import Redaction, Redactor
from diagnose.settings import Settings
from diagnose.signature import Catalogue
from diagnose.telemetry import Silent, Telemetry
from diagnose.usage import Usage
from diagnose.view import Matched, Redacted


class Archive(Protocol):
    """Finds where a step's logs are."""

    def find(
        self, failure: Failure, context: JobContext, *, deadline: Deadline
    ) -> tuple[LogStore, tuple[str, ...]]:
        """Give the logs' store and what is missing, in words; an empty store when there is none."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """The prompt version and the model that answer together."""

    model: Model
    prompt: PromptVersion
    gate: str = "none"
    """What the promotion gate said of the prompt; `none` without one."""


def _ignore(_: str) -> None:
    return


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _marker() -> str:
    return secrets.token_hex(16)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kit:
    """What every diagnosis needs and none changes: made once, at the edge."""

    settings: Settings
    catalogue: Catalogue
    policy: AdvicePolicy
    redactor: Redactor
    metadata: MetadataSource | None = None
    """None: what the caller knows is all there is."""
    archive: Archive | None = None
    """None: the caller gives the log store."""
    desk: Desk | None = None
    """None: the rules alone."""
    repeat: int = 0
    """See `Question.repeat`."""
    on_stage: Callable[[str], None] = _ignore
    """Told the name of each stage as it begins."""
    now: Callable[[], datetime] = _utc_now
    monotonic_seconds: Callable[[], float] = time.monotonic
    marker: Callable[[], str] = _marker
    """Makes the fence around a prompt's data: unguessable, new for every prompt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """Why a run ends otherwise than with an analyst's answer."""

    status: Status
    reason: str
    model_text: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class State:
    """One diagnosis under way; every stage gives a new one. It holds raw values, so it prints none."""

    failure: Failure
    context: JobContext
    redaction: Redaction
    """The session that knows this incident's secrets."""
    store: LogStore | None = None
    gaps: tuple[str, ...] = ()
    deadline: Deadline = NO_DEADLINE
    telemetry: Telemetry = field(default_factory=Silent)
    patient: bool = False
    """Logs that are not there yet are waited for by the caller: no model is asked meanwhile."""

    incident: Incident | None = None
    late: bool = False
    """The step's own logs are not there, and may still come."""
    redacted: Redacted | None = None
    matched: Matched | None = None
    view: View | None = None
    suspects: int = 0
    """How many values the second look masked."""
    rules: Draft | None = None
    """What the catalogue says."""
    prompt: RenderedPrompt | None = None
    reply: ModelReply | None = None
    draft: Draft | None = None
    """What the model says."""
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    ending: Ending | None = None
    completed: tuple[str, ...] = ()
    stage_ms: Mapping[str, int] = field(default_factory=dict)
    diagnosis: Diagnosis | None = None

    def __repr__(self) -> str:
        """Name what is done; what a state holds belongs in no log, trace or debugger's transcript."""
        return f"State(completed={self.completed!r})"

    @property
    def postponed(self) -> bool:
        """Tell whether the caller should come again, once the logs are there."""
        return self.patient and self.late

    @property
    def excerpt(self) -> LogExcerpt | None:
        """The redacted excerpt, once there is one."""
        return self.view.excerpt if self.view else None
