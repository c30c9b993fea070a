"""What a job's surroundings tell, as values: was a write begun, and what could explain a failure.

Made by `survey` from redacted signals, used by `triage`, the retry policy and the rules analyst. A
circumstance can hold a rerun back; nothing here can call one safe.
"""

from dataclasses import dataclass
from typing import Final

from diagnose.leaf import Leaf
from diagnose.taxonomy import FailureType, TriageLabel

PREFIX: Final = "context.signals."
"""What the place of a signal begins with, where it is shown as evidence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Risk:
    """A signal that a write may have begun, in this attempt or an earlier one."""

    words: str
    leaf: Leaf | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Indication:
    """What signals say could have failed a job; whether it did, only a log can tell."""

    label: TriageLabel
    failure_type: FailureType
    words: str
    """A whole sentence."""
    leaves: tuple[Leaf, ...] = ()
    """The signals that say it, the most telling first."""
    names: frozenset[str] = frozenset()
    """Columns it is about, in small letters: a log line that names one bears it out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Circumstances:
    """All that was read in the signals of one job."""

    known: bool = False
    """Any group of signals was told."""
    released: bool = False
    """A new version of the job came shortly before the failure."""
    risks: tuple[Risk, ...] = ()
    doubt: str = ""
    """Why nobody can say that no write began, though nothing says that one did; "" for none."""
    indications: tuple[Indication, ...] = ()
    conflicts: tuple[str, ...] = ()
    """Signals that contradict each other, in the words of a gap."""
    leaves: tuple[Leaf, ...] = ()
    """The signals behind all this, each once: what evidence may cite."""
    gaps: tuple[str, ...] = ()


NOTHING: Final = Circumstances()
"""No signal was told."""
