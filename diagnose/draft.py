"""What an analyst says of an incident before it is checked: the same form for the rules and for a model."""

from dataclasses import dataclass

from diagnose.diagnosis import EvidenceRole
from diagnose.taxonomy import FailureType, RetryRule


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """One redacted log line that an analyst shows, with the place where it stands."""

    text: str
    """The line as it stands in the excerpt."""
    file: str
    line: int
    """From 1."""
    container: str | None
    attempt: int | None
    role: EvidenceRole
    masked: str | None = None
    """The line as a guardrail let it through, where it masked parts of it: shown instead of `text`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What an analyst says, before it is checked."""

    root_cause: str
    failure_type: FailureType
    retry: RetryRule
    recommendations: tuple[str, ...]
    evidence: tuple[Quote, ...]
    confidence: float
    contested: bool = False
    repeated_differently: bool = False
    """A later attempt failed on something else than the first."""
    veto: str | None = None
    """The analyst's own reason to call a rerun unsafe (may be empty); None: it has no objection."""
    ruled_out: tuple[tuple[str, str], ...] = ()
    """Texts of lines that look like causes and are none, each with the reason."""
    unfounded: int = 0
    """How many lines the analyst quoted that don't stand in the excerpt."""
