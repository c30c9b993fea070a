"""What the product made of one case, with the raw logs it made it from: the input of every scorer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from diagnose.diagnosis import Diagnosis


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an analyst gives back for one log root; every text is as it left the product."""

    diagnosis: Diagnosis | None
    excerpt: str = ""
    """The excerpt as rendered for a reader: redacted, at most MAX_LOG_SIZE_BYTES."""
    prompt: str = ""
    """All texts that were sent to a model; empty without one."""
    reply: str = ""
    """What the model answered, as it came; empty without one."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One replayed case. An errored one has no diagnosis and says why in `error`."""

    diagnosis: Diagnosis | None
    excerpt: str = ""
    """The excerpt as rendered for a reader: redacted, at most MAX_LOG_SIZE_BYTES."""
    prompt: str = ""
    """All texts that were sent to a model; empty without one."""
    reply: str = ""
    """What the model answered; empty without one."""
    talk: str = ""
    """Everything the product printed and logged meanwhile."""
    error: str = ""
    cpu_ms: float = 0.0
    wall_ms: float = 0.0
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """File under the log root → its raw lines, ANSI colours and carriage returns removed."""
    context: tuple[str, ...] = ()
    """The values of the platform's own records (`meta.json`); evidence may cite them as `context.<field>`."""
