"""Signals in, what they say about writes out: states, attempts, staged rows, counts of rows written. Pure.

The names of signals are the job's own, so they are read by their words, and on the side of "a write may have
begun": a staged row, a state that is not known, an attempt that can't be counted all speak against a rerun.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from diagnose.circumstance import Risk
from diagnose.cluster import time
from diagnose.leaf import Leaf, plain

_STAGING: Final = frozenset(("staging", "staged"))
_WRITTEN: Final = re.compile(
    r"writ\w*|wrote|insert\w*|upsert\w*|merged|commit\w*|loaded|published|append\w*|exported|flushed|output|"
    r"target|sink|destination"
)
"""A word of a name that counts, times or affirms what went out."""
_TIMED: Final = re.compile(r"writ\w*|wrote|commit\w*|loaded|published|exported|flushed|merged")
"""A word of a name that tells when something was written."""
_ELSEWHERE: Final = frozenset(
    ("expected", "previous", "prior", "last", "before", "baseline", "avg", "average", "mean", "median",
     "usual", "typical", "min", "minimum", "max", "maximum", "threshold", "yesterday", "source", "input",
     "read", "not", "rejected", "skipped", "pending", "remaining", "limit", "schema", "column", "columns",
     "version", "type", "name", "table", "path", "files", "file", "partition", "partitions")
)  # fmt: skip
"""Words that make such a name one of another run, of the input, or of no amount at all."""
_RISKY: Final = (
    "writ", "stag", "commit", "partial", "load", "merg", "publish", "upsert", "insert", "flush", "swap",
    "append", "succe", "complet", "done", "finish", "appl", "export", "retry", "retri", "restart", "roll",
)  # fmt: skip
"""Beginnings of words of a state in which something was, or may be, written."""
DONE: Final = ("succe", "complet", "done", "finish", "committed", "published", "loaded")
"""Beginnings of words of a state in which all was written."""
_IDLE: Final = frozenset(
    ("aborted", "acquired", "active", "cancelled", "canceled", "claimed", "created", "error", "errored",
     "extracting", "failed", "failure", "for", "in", "initialised", "initialized", "input", "late", "missing",
     "new", "on", "pending", "process", "progress", "queued", "reading", "ready", "running", "scheduled",
     "source", "started", "starting", "submitted", "timeout", "timed", "out", "to", "transforming",
     "upstream", "validating", "waiting")
)  # fmt: skip
"""Words of states in which nothing is written yet."""
_STATES: Final = ("status", "state", "batch_status", "load_status", "run_status")
_PHASES: Final = frozenset(("stage", "phase", "step", "checkpoint"))
"""Last words of names that tell how far a run came."""
_ATTEMPTS: Final = (
    "attempt_count",
    "attempts",
    "attempt",
    "attempt_number",
    "run_attempt",
    "failed_attempts",
)
_RETRIES: Final = ("retry_count", "retries")


def risks(told: Sequence[Leaf]) -> tuple[Risk, ...]:
    """List what says that a write may have begun, states and attempts first.

    Args:
        told: all signals.
    """
    row = [leaf for leaf in told if leaf.path[0] == "control_row"]
    return (*_by_state(row), *_by_attempt(row), *_by_amount(told))


def doubt(told: Sequence[Leaf]) -> str:
    """Say what in the control row can't be read, so that a begun write can't be excluded; "" for nothing."""
    for leaf in told:
        if leaf.path[0] == "control_row" and len(leaf.path) == 2:
            name = plain(leaf.path[1])
            if name in _STATES and not _is_understood(leaf):
                return f"the {_called(leaf)} of the control row is none that this system knows"
            if name in (*_ATTEMPTS, *_RETRIES) and amount(leaf) is None:
                return f"the {_called(leaf)} of the control row is no number"
    return ""


def state(told: Iterable[Leaf]) -> Leaf | None:
    """Find the state that the control row is in."""
    return next(_named([leaf for leaf in told if leaf.path[0] == "control_row"], _STATES), None)


def has_word(leaf: Leaf, beginnings: tuple[str, ...]) -> bool:
    """Tell whether a word of a value begins with one of some beginnings."""
    return any(word.startswith(beginnings) for word in plain(str(leaf.value)).split("_"))


def amount(leaf: Leaf) -> float | None:
    """Give a value as a number from 0 on; None for what is none."""
    value = leaf.value
    if isinstance(value, str) and re.fullmatch(r"\d{1,18}", value.strip()):
        return int(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and float(value) >= 0 else None


def written(told: Iterable[Leaf]) -> list[Leaf]:
    """List the counts of what this run wrote, zeros too."""
    return [leaf for leaf in told if _counts_writes(leaf) and amount(leaf) is not None]


def _called(leaf: Leaf) -> str:
    return leaf.name.rpartition(".")[2].replace("_", " ")


def _named(told: Iterable[Leaf], names: tuple[str, ...]) -> Iterator[Leaf]:
    return (leaf for leaf in told if len(leaf.path) == 2 and plain(leaf.path[1]) in names)


def _is_understood(leaf: Leaf) -> bool:
    if not isinstance(leaf.value, str):
        return False
    return has_word(leaf, _RISKY) or set(plain(leaf.value).split("_")) <= _IDLE


def _by_state(row: Sequence[Leaf]) -> Iterator[Risk]:
    for leaf in row:
        name = plain(leaf.path[-1])
        told = name in _STATES or name.rpartition("_")[2] in _PHASES
        if told and isinstance(leaf.value, str) and has_word(leaf, _RISKY):
            yield Risk(words=f"the control row's {_called(leaf)} tells of a write", leaf=leaf)


def _by_attempt(row: Sequence[Leaf]) -> Iterator[Risk]:
    for names, most in ((_ATTEMPTS, 1), (_RETRIES, 0)):
        for leaf in _named(row, names):
            if (amount(leaf) or 0) > most:
                yield Risk(words="the control row tells of an earlier attempt of this batch", leaf=leaf)


def _by_amount(told: Iterable[Leaf]) -> Iterator[Risk]:
    for leaf in told:
        words = _words(leaf)
        staged = bool(words & _STAGING) and leaf.path[0] != "quality_results"
        if staged and not words & (_ELSEWHERE - {"files", "file"}) and _is_positive(leaf):
            yield Risk(words="the signals tell of data in a staging area", leaf=leaf)
        elif not staged and _counts_writes(leaf) and _is_positive(leaf):
            yield Risk(words="the signals tell of written data", leaf=leaf)


def _words(leaf: Leaf) -> frozenset[str]:
    """Give the words of its name, the group's aside where it stands in one of several values."""
    named = leaf.path[1:] if len(leaf.path) > 1 and leaf.path[0] not in _STAGING else leaf.path
    return frozenset(word for part in named for word in plain(part).split("_"))


def _counts_writes(leaf: Leaf) -> bool:
    group, *rest = leaf.path
    if group not in ("control_row", "record_counts") or not rest:
        return False
    words = _words(leaf)
    return not words & _ELSEWHERE and any(_WRITTEN.fullmatch(word) for word in words)


def _is_positive(leaf: Leaf) -> bool:
    """Tell an amount above zero, a yes, a time or a state of writing from names, paths and zeros."""
    if isinstance(leaf.value, bool):
        return leaf.value
    number = amount(leaf)
    if number is not None:
        return number > 0
    text = str(leaf.value).strip()
    if "/" in text:
        return False
    return text.lower() in ("true", "yes", "y") or _is_moment(leaf, text) or _is_risky_state(leaf)


def _is_moment(leaf: Leaf, text: str) -> bool:
    """Tell the time of a write from the dates of a batch and of the control row itself (`inserted_at`)."""
    own = _words(leaf) & _STAGING or any(_TIMED.fullmatch(word) for word in _words(leaf))
    return bool(own) and time(text) is not None


def _is_risky_state(leaf: Leaf) -> bool:
    told = plain(leaf.path[-1]).rpartition("_")[2] in ("status", "state", "staging", "staged")
    return told and has_word(leaf, _RISKY)
