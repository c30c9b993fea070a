"""What a prompt may tell a model about one failure; every text in it is redacted."""

from collections.abc import Mapping
from dataclasses import dataclass

from diagnose.taxonomy import FailureType


@dataclass(frozen=True, kw_only=True, slots=True)
class Hint:
    """One finding of the catalogue: our words about it, and the line it was found in."""

    signature: str
    """Id of the catalogue's entry."""
    failure_type: FailureType | None
    standing: str
    """How sure it is that this ended the run: `terminal`, `fatal`, `error`, `hint`, `past`."""
    role: str
    """`cause`, `symptom`, `wrapper` or `noise`."""
    place: str
    """`<file>:<line>`; the job or the platform named the file."""
    line: str
    """The log line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Brief:
    """The values a prompt version may show, all redacted. Unknown texts are ""."""

    cluster_id: str
    step_id: str
    failed_at: str
    """ISO 8601, UTC."""
    cluster: str
    log_location: str
    spark: str
    yarn: str
    hive: str
    step: str
    signals: str
    gaps: tuple[str, ...]
    excerpt: str
    hints: tuple[Hint, ...]

    def groups(self) -> Mapping[str, str]:
        """Name the groups of the job's context and their texts, in the order of the design."""
        names = ("cluster", "log_location", "spark", "yarn", "hive", "step", "signals")
        return {name: getattr(self, name) for name in names}
