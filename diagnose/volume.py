"""Record counts, quality results and the control row in, whether the source came short out. Pure.

A count is low against its own expectation: below half of what is usual, or below a stated minimum. Counts are
paired by the words of their names (`orders` and `orders_expected`, `source` and `expected_rows`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from diagnose.circumstance import Indication
from diagnose.control import amount
from diagnose.leaf import Leaf, leaves, plain
from diagnose.taxonomy import FailureType, TriageLabel

LOW_SHARE: Final = 0.5
"""Of the usual count: weekends and holidays stay above half on most feeds, a partial delivery does not."""
_USUAL: Final = frozenset(
    ("expected", "baseline", "avg", "average", "mean", "median", "usual", "typical", "previous", "prior",
     "yesterday", "last", "history", "historical", "normal", "forecast")
)  # fmt: skip
_LEAST: Final = frozenset(("min", "minimum", "threshold", "least"))
_SOURCE: Final = frozenset(
    ("source", "input", "read", "raw", "landing", "extract", "extracted", "incoming", "received", "ingested",
     "actual", "current", "today")
)  # fmt: skip
_PLAIN: Final = frozenset(
    ("rows", "row", "records", "record", "count", "counts", "total", "num", "number", "of", "run", "batch",
     "day", "days", "daily", "weekly", "week", "rolling")
)  # fmt: skip
_ARRIVAL: Final = frozenset(
    ("count", "counts", "rows", "row", "records", "record", "volume", "completeness", "freshness", "arrival",
     "source", "delivery", "timeliness")
)  # fmt: skip
"""Words in the name of a check on how much has arrived, and when."""
_SCHEMA: Final = frozenset(("schema", "column", "columns", "structure"))
_NAMES: Final = ("check", "name", "rule", "metric", "test", "id")
_OUTCOMES: Final = ("passed", "success", "ok", "status", "result", "outcome")
_BAD: Final = ("fail", "error", "violat", "breach", "alarm")
_GOOD: Final = ("pass", "succe")
_NO: Final = frozenset(("no", "not", "bad", "red", "false"))
_YES: Final = frozenset(("ok", "yes", "good", "green", "true"))
_ABSENT: Final = frozenset(
    ("missing", "absent", "late", "delayed", "pending", "none", "unavailable", "empty", "not", "no", "false",
     "waiting", "incomplete")
)  # fmt: skip
_ORIGIN: Final = frozenset(("source", "upstream", "input"))
_PRESENCE: Final = frozenset(
    ("exists", "found", "available", "present", "ready", "arrived", "complete", "status")
)


@dataclass(frozen=True, slots=True)
class Check:
    """One quality check and its result."""

    name: str
    failed: bool
    leaf: Leaf
    """What of it may be cited: its name where that is a value, else its outcome."""
    about: str = ""
    """Its description, where it has one."""

    @property
    def words(self) -> frozenset[str]:
        """The words of its name and description."""
        return frozenset(word for text in (self.name, self.about) for word in plain(text).split("_"))

    @property
    def shown(self) -> str:
        """Its name as a sentence of ours may hold it."""
        return Leaf((), self.name).word


@dataclass(frozen=True, kw_only=True, slots=True)
class Volume:
    """What is known of how much arrived."""

    short: Indication | None = None
    """The source came short, or not at all."""
    refused: Indication | None = None
    """A quality check refused the data for another reason."""
    schema: Check | None = None
    """A failed check on the schema."""
    conflicts: tuple[str, ...] = ()
    unread: int = 0
    """Results of checks that could not be understood."""


def weigh(groups: Mapping[str, Any]) -> Volume:
    """Judge how much arrived.

    Args:
        groups: the groups of the signals, each of its right shape.
    """
    counts = [
        leaf for leaf in leaves(groups.get("record_counts"), "record_counts") if amount(leaf) is not None
    ]
    low, full = _compared(counts)
    gone = _absent(groups.get("control_row") or {})
    checks, unread = _checks(groups.get("quality_results"))
    arrival = [check for check in checks if check.words & _ARRIVAL and not check.words & _SCHEMA]
    late = [check for check in arrival if check.failed] if not full else []
    short = _short(gone, low, late)
    others = [c for c in checks if c.failed and c not in late and not c.words & _SCHEMA]
    return Volume(
        short=short,
        refused=_refused(others) if others and short is None else None,
        schema=next((c for c in checks if c.failed and c.words & _SCHEMA), None),
        conflicts=tuple(_contradictions(gone, low, full, arrival)),
        unread=unread,
    )


def _contradictions(
    gone: Sequence[Leaf], low: Sequence[Leaf], full: Sequence[Leaf], arrival: Sequence[Check]
) -> Iterator[str]:
    passed = [check.shown for check in arrival if not check.failed]
    if low and passed:
        yield f"the record counts are low, but the check {passed[0]} passed"
    if gone and full:
        yield f"by the control row the source is not there, but {full[0].word} of its records were counted"


def _short(gone: Sequence[Leaf], low: Sequence[Leaf], late: Sequence[Check]) -> Indication | None:
    if gone:
        words = "The control row says that the batch's source is not there."
    elif low:
        count, *usual = (leaf.word for leaf in low)
        words = f"The source held {count} records" + (f", far below {usual[0]}." if usual else ".")
    elif late:
        words = f"The quality check {late[0].shown} on the arrival of the source failed."
    else:
        return None
    found = (*gone, *low, *(check.leaf for check in late))
    return Indication(
        label=TriageLabel.SOURCE_DELAY, failure_type=FailureType.SOURCE_DELAY, words=words, leaves=found
    )


def _refused(checks: Sequence[Check]) -> Indication:
    names = ", ".join(check.shown for check in checks[:3])
    return Indication(
        label=TriageLabel.UNKNOWN,
        failure_type=FailureType.QUALITY_CHECK_FAILED,
        words=f"Quality checks refused the data: {names}.",
        leaves=tuple(check.leaf for check in checks[:3]),
    )


def _absent(row: Mapping[str, Any]) -> tuple[Leaf, ...]:
    """Find what in a control row says that the source is not there; its path goes along."""
    found = [leaf for leaf in leaves(row, "control_row") if _says_absent(leaf)]
    path = [leaf for leaf in leaves(row, "control_row") if plain(leaf.path[-1]) == "source_path"]
    told = [leaf for leaf in found if not isinstance(leaf.value, bool)]  # "false" alone would show nothing
    return tuple(dict.fromkeys((*told, *path, *found)))[:3] if found else ()


def _says_absent(leaf: Leaf) -> bool:
    key, words = set(plain(leaf.path[-1]).split("_")), set(plain(str(leaf.value)).split("_"))
    if key & _ORIGIN and key & _PRESENCE:
        return bool(words & _ABSENT) or leaf.value == 0
    return key == {"status"} and bool(words & _ORIGIN) and bool(words & _ABSENT)


def _compared(counts: Sequence[Leaf]) -> tuple[tuple[Leaf, ...], tuple[Leaf, ...]]:
    """Compare counts with what was expected of them.

    Returns:
        The lowest count with its expectation, if one is low; and the counts that are known not to be.
    """
    told = [leaf for leaf in counts if not _words(leaf) & (_USUAL | _LEAST)]
    low: list[tuple[float, tuple[Leaf, ...]]] = []
    full: list[Leaf] = []
    for count in told:
        wanted = [leaf for leaf in counts if leaf not in told and _pairs(count, leaf, told)]
        shares = [(share, leaf) for leaf in wanted if (share := _share(count, leaf)) is not None]
        if shares:
            share, leaf = min(shares, key=lambda pair: pair[0])
            (low.append((share, (count, leaf))) if share < 1 else full.append(count))
        elif amount(count) == 0 and _words(count) & _SOURCE:
            low.append((0.0, (count,)))
    return (min(low, key=lambda pair: pair[0])[1] if low else ()), tuple(full)


def _share(count: Leaf, wanted: Leaf) -> float | None:
    """Give the count's share of the least that is not low; None where nothing was expected."""
    least = (amount(wanted) or 0) * (1 if _words(wanted) & _LEAST else LOW_SHARE)
    return (amount(count) or 0) / least if least else None


def _words(leaf: Leaf) -> frozenset[str]:
    return frozenset(word for part in leaf.path[1:] for word in plain(part).split("_"))


def _stem(leaf: Leaf) -> frozenset[str]:
    named = _words(leaf) - _USUAL - _LEAST - _PLAIN
    return frozenset(word for word in named if word.isalpha())  # `avg_7d`: over how long says nothing


def _pairs(count: Leaf, wanted: Leaf, told: Sequence[Leaf]) -> bool:
    mine, theirs = _stem(count), _stem(wanted)
    if mine == theirs:
        return True
    if theirs <= _SOURCE:
        return mine <= _SOURCE or len(told) == 1
    return False


def _checks(results: object) -> tuple[list[Check], int]:
    """Read the results of quality checks; gives those understood, and how many were not."""
    rows: Iterable[tuple[str, Any]] = ()
    if isinstance(results, Mapping):
        rows = ((str(name), row) for name, row in results.items())
    elif isinstance(results, list):
        rows = ((str(place), row) for place, row in enumerate(results))
    read = [_check(place, row, named=isinstance(results, Mapping)) for place, row in rows]
    return [check for check in read if check is not None], sum(1 for check in read if check is None)


def _check(place: str, row: object, *, named: bool) -> Check | None:
    path = ("quality_results", place)
    if not isinstance(row, Mapping):
        failed = _failed(row)
        if failed is None or not (named or isinstance(row, str)):
            return None
        return Check(
            place if named else str(row), failed, Leaf(path, row if isinstance(row, str) else failed)
        )
    values = {plain(str(key)): (str(key), value) for key, value in row.items()}
    title = next((values[name] for name in _NAMES if isinstance(values.get(name, ("", None))[1], str)), None)
    told = ((values[name], _failed(values[name][1])) for name in _OUTCOMES if name in values)
    outcome, failed = next(((value, bad) for value, bad in told if bad is not None), (("", ""), None))
    if failed is None or (title is None and not named):
        return None
    key, value = title or outcome
    more = values.get("description", ("", ""))[1]
    about = more if isinstance(more, str) else ""
    return Check(title[1] if title else place, failed, Leaf((*path, key), value), about)


def _failed(outcome: object) -> bool | None:
    """Tell whether an outcome is a failure; None where it can't be understood."""
    if isinstance(outcome, bool):
        return not outcome
    if not isinstance(outcome, str):
        return None
    words = plain(outcome).split("_")
    if any(word.startswith(_BAD) or word in _NO for word in words):
        return True
    return False if any(word.startswith(_GOOD) or word in _YES for word in words) else None
