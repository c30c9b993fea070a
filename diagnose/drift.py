"""Table snapshot and task metrics in, what in them could explain a failure out. Pure.

A column came, went or changed its type; the table lies in very many very small files; one task ran far longer
than the others and spilled.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from diagnose.circumstance import Indication
from diagnose.control import amount
from diagnose.leaf import Leaf, leaves, plain
from diagnose.taxonomy import FailureType, TriageLabel

MANY_FILES: Final = 10_000
"""Fewer files than this are listed and opened without trouble."""
SMALL_FILE_BYTES: Final = 8 << 20
"""Mean size below which files are small: a sixteenth of a block of 128 MiB."""
VAST_FILES: Final = 200_000
"""So many files weigh on a driver whatever their size, where that is not told."""
SKEW_FACTOR: Final = 5.0
"""Spark's own measure: `spark.sql.adaptive.skewJoin.skewedPartitionFactor`."""
LONG_TASK_SECONDS: Final = 60.0
"""A shorter task harms nobody, whatever the others need."""
_NOW: Final = ("incoming", "source", "batch", "data", "input", "observed", "actual", "latest")
_THEN: Final = ("previous", "expected", "table", "target", "registered", "old", "prior", "last")
_FILES: Final = (
    "file_count",
    "files",
    "num_files",
    "number_of_files",
    "total_files",
    "data_files",
    "input_files",
)
_UNITS: Final = {"kb": 1 << 10, "kib": 1 << 10, "mb": 1 << 20, "mib": 1 << 20, "gb": 1 << 30, "gib": 1 << 30}
_MIDDLE: Final = frozenset(("avg", "average", "mean", "median", "p50", "typical"))
_LONGEST: Final = frozenset(("max", "maximum", "longest", "slowest", "p100"))
_SECONDS: Final = {
    "ms": 0.001,
    "millis": 0.001,
    "milliseconds": 0.001,
    "minutes": 60.0,
    "min": 60.0,
    "hours": 3600.0,
}
_NEW: Final = "is new"
_DIFFS: Final = ("schema_diff", "schema_changes", "schema_change", "schema_drift", "column_diff", "diff")

Columns = dict[str, tuple[str, Leaf]]
"""Name of a column in small letters → its type, "" where none is told, and where the name stands."""


def columns(snapshot: Mapping[str, Any]) -> Indication | None:
    """Find columns that came, went or changed between a table's snapshot and the data that came in."""
    by_name = {plain(str(key)): (str(key), value) for key, value in snapshot.items()}
    now = _listed(by_name, (*(f"{word}_columns" for word in _NOW), *(f"{word}_schema" for word in _NOW)))
    then = _listed(by_name, (*(f"{word}_columns" for word in _THEN), *(f"{word}_schema" for word in _THEN)))
    plainly = _listed(by_name, ("columns", "schema"))
    if then is None or now is None:
        now, then = (now, plainly) if now else (plainly, then)
    told = [
        change for change in _told_changes(by_name) if change[0] != _NEW or not _is_known(change[1], then)
    ]
    if now and then:
        told.extend(_compared(now, then))
    changes = list({leaf.text.lower(): (words, leaf) for words, leaf in reversed(told)}.values())[::-1]
    if not changes:
        return None
    shown = ", ".join(f"{leaf.word} {words}" for words, leaf in changes[:3])
    return Indication(
        label=TriageLabel.SCHEMA_DRIFT,
        failure_type=FailureType.SCHEMA_DRIFT,
        words=f"The columns differ from the table's snapshot: {shown}.",
        leaves=tuple(leaf for _, leaf in changes[:3]),
        names=frozenset(leaf.text.lower() for _, leaf in changes),
    )


def _is_known(leaf: Leaf, then: Columns | None) -> bool:
    """Tell a column of a whole new list that was there before from an added one."""
    return then is not None and leaf.text.lower() in then


def _told_changes(by_name: Mapping[str, tuple[str, Any]]) -> Iterator[tuple[str, Leaf]]:
    kinds = {
        "added_columns": _NEW, "new_columns": _NEW, "removed_columns": "is gone",
        "missing_columns": "is gone", "dropped_columns": "is gone", "changed_columns": "has changed",
    }  # fmt: skip
    for name, words in kinds.items():
        key, value = by_name.get(name, ("", None))
        for _, leaf in _columns((key,), value).values():
            yield words, leaf
        for group in _DIFFS:
            key, value = by_name.get(group, ("", None))
            for change, columns in value.items() if isinstance(value, Mapping) else ():
                if plain(str(change)) in (name, name.removesuffix("_columns")):
                    yield from ((words, leaf) for _, leaf in _columns((key, str(change)), columns).values())


def _listed(by_name: Mapping[str, tuple[str, Any]], names: Sequence[str]) -> Columns | None:
    found = (by_name[name] for name in names if name in by_name)
    return next((read for key, value in found if (read := _columns((key,), value))), None)


def _columns(path: tuple[str, ...], value: object) -> Columns:
    """Read a list of names, a list of objects with `name` and `type`, or an object of types by name."""
    found: Columns = {}
    if isinstance(value, Mapping):
        for name, kind in value.items():
            text = kind.lower() if isinstance(kind, str) else ""
            found[str(name).lower()] = (text, Leaf(("table_snapshot", *path, str(name)), str(name)))
    for place, row in enumerate(value if isinstance(value, list) else ()):
        name = row.get("name") if isinstance(row, Mapping) else row
        if isinstance(name, str) and name.strip():
            kind = row.get("type") if isinstance(row, Mapping) else ""
            leaf = Leaf(("table_snapshot", *path, str(place)), name)
            found[name.strip().lower()] = (kind.lower() if isinstance(kind, str) else "", leaf)
    return found


def _compared(now: Columns, then: Columns) -> Iterator[tuple[str, Leaf]]:
    for name, (kind, leaf) in now.items():
        if name not in then:
            yield _NEW, leaf
        elif kind and then[name][0] and kind != then[name][0]:
            yield "has another type", leaf
    for name, (_, leaf) in then.items():
        if name not in now:
            yield "is gone", leaf


def small_files(snapshot: Mapping[str, Any], counts: Mapping[str, Any]) -> Indication | None:
    """Find very many very small files."""
    told = [*leaves(snapshot, "table_snapshot"), *leaves(counts, "record_counts")]
    numbers = [leaf for leaf in told if amount(leaf) is not None]
    files = max(
        (x for x in numbers if plain(x.path[-1]) in _FILES), key=lambda x: amount(x) or 0, default=None
    )
    if files is None or (count := amount(files) or 0) < MANY_FILES:
        return None
    sizes = [leaf for leaf in numbers if _is_size(leaf)]
    means = [(_bytes(x), x) for x in sizes if x.words & _MIDDLE]
    means += [(_bytes(x) / count, x) for x in sizes if not x.words & (_MIDDLE | _LONGEST)]
    size, leaf = means[0] if means else (None, None)
    if size > SMALL_FILE_BYTES if size is not None else count < VAST_FILES:
        return None
    return Indication(
        label=TriageLabel.SMALL_FILE_PRESSURE,
        failure_type=FailureType.SMALL_FILE_PRESSURE,
        words=f"The table lies in {files.word} files"
        + (f" of {max(round((size or 0) / 1024), 1)} KiB on average." if leaf else "."),
        leaves=(files, *([leaf] if leaf else [])),
    )


def _is_size(leaf: Leaf) -> bool:
    """Tell a size in bytes from other amounts."""
    words = set(plain(leaf.path[-1]).split("_"))
    return bool(words & {"bytes", "size", *_UNITS}) and not words & {"partition", "staging", "block"}


def _bytes(leaf: Leaf) -> float:
    unit = next((_UNITS[word] for word in plain(leaf.path[-1]).split("_") if word in _UNITS), 1)
    return (amount(leaf) or 0) * unit


def skew(group: str, metrics: object) -> Indication | None:
    """Find a stage in which one task ran far longer than the others, and which spilled its shuffle.

    Args:
        group: what the signals call the metrics.
        metrics: of one stage, or of several by name or in a list.
    """
    rows = enumerate(metrics) if isinstance(metrics, list) else ()
    named = metrics.items() if isinstance(metrics, Mapping) else rows
    stages = [((group,), metrics), *(((group, str(key)), stage) for key, stage in named)]
    found = (_skewed(stage, path) for path, stage in stages if isinstance(stage, Mapping))
    return next((indication for indication in found if indication), None)


def _skewed(stage: Mapping[str, Any], path: tuple[str, ...]) -> Indication | None:
    own = {key: value for key, value in stage.items() if not isinstance(value, Mapping | list)}
    told = [leaf for leaf in leaves(own, *path) if amount(leaf) is not None]
    longest = next((leaf for leaf in told if _is_duration(leaf) and _last(leaf) & _LONGEST), None)
    middle = next((leaf for leaf in told if _is_duration(leaf) and _last(leaf) & _MIDDLE), None)
    spill = next((leaf for leaf in told if _last(leaf) & {"spill", "spilled"} and amount(leaf)), None)
    if longest is None or middle is None or spill is None:
        return None
    if _seconds(longest) < max(LONG_TASK_SECONDS, SKEW_FACTOR * _seconds(middle)):
        return None
    return Indication(
        label=TriageLabel.DATA_SKEW,
        failure_type=FailureType.DATA_SKEW,
        words=f"One task ran {_seconds(longest):.0f} s, a usual one {_seconds(middle):.0f} s; "
        "their stage spilled.",
        leaves=(longest, middle, spill),
    )


def _last(leaf: Leaf) -> set[str]:
    return set(plain(leaf.path[-1]).split("_"))


def _is_duration(leaf: Leaf) -> bool:
    return bool(_last(leaf) & {"seconds", "s", "duration", "runtime", "time", "sec", *_SECONDS})


def _seconds(leaf: Leaf) -> float:
    unit = next((_SECONDS[word] for word in plain(leaf.path[-1]).split("_") if word in _SECONDS), 1.0)
    return (amount(leaf) or 0) * unit
