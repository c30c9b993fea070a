"""`JobContext.signals`, redacted, in; the circumstances of the failure out. Pure.

Signals come from outside: they may be missing, huge, of another type than agreed, or made up. They are
bounded where metadata is read; here a group of another shape is ignored and named in the gaps, and nothing
raises. The log has the first word: an indication decides only where a log leaves the cause open (`triage`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from diagnose import control, drift, volume
from diagnose.circumstance import NOTHING, Circumstances, Indication, Risk
from diagnose.leaf import MAX_LEAVES, Leaf, leaves, plain
from diagnose.release import release
from diagnose.taxonomy import FailureType, TriageLabel

GROUPS: Final = (
    "control_row", "record_counts", "quality_results", "table_snapshot", "deployment", "task_metrics",
)  # fmt: skip
_LISTS: Final = frozenset(("quality_results", "task_metrics"))
"""Groups that may be lists."""
MAX_CITED: Final = 16
"""Signals that may be cited: an excerpt is for the log."""


def survey(signals: Mapping[str, Any], *, failed_at: datetime | None = None) -> Circumstances:
    """Read the signals of a job.

    Args:
        signals: as `metadata` bounded them, every text in them redacted.
        failed_at: when the job failed, UTC; None: whether a release was recent can't be told.
    """
    if not signals:
        return NOTHING
    groups, gaps = _groups(signals)
    told = leaves({**_others(signals), **groups})
    risks = control.risks(told)
    arrived = volume.weigh(groups)
    newest, unsure = release(groups.get("deployment") or {}, failed_at)
    indications = (*_indications(groups, arrived, _others(signals)), *([newest] if newest else []))
    found = (*arrived.conflicts, *_unwritten(told))
    conflicts = tuple(f"signals in conflict: {words}" for words in found)
    if arrived.unread:
        gaps.append(f"signals: {arrived.unread} quality results could not be understood")
    if unsure:
        gaps.append(f"signals: {unsure} could not be read, so whether a release was recent is not known")
    if len(told) >= MAX_LEAVES:
        gaps.append(f"signals: only the first {MAX_LEAVES} values were looked at")
    doubt = control.doubt(told) or _lost(groups, signals)
    if doubt:
        gaps.append(f"signals: {doubt}")
    return Circumstances(
        known=bool(groups),
        released=newest is not None,
        risks=risks,
        doubt=doubt,
        indications=indications,
        conflicts=conflicts,
        leaves=_cited(risks, indications),
        gaps=(*gaps, *_uncounted(groups), *conflicts),
    )


def _groups(signals: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Give the groups of the right shape that hold anything, and a gap for each of another one."""
    groups: dict[str, Any] = {}
    gaps = []
    for name, value in signals.items():
        group = plain(name)
        if group not in GROUPS or value is None:
            continue
        if isinstance(value, Mapping) or (group in _LISTS and isinstance(value, list)):
            groups.update({group: value} if value else {})
        else:
            gaps.append(f"signals: {group} is not as agreed and was ignored")
    return groups, gaps


def _lost(groups: Mapping[str, Any], signals: Mapping[str, Any]) -> str:
    """Say that a control row was told and can't be read, or that a group hides another of its name."""
    names = [plain(name) for name in signals]
    twice = next((group for group in GROUPS if names.count(group) > 1), "")
    if twice:
        return f"the signals hold {twice} twice"
    told = any(plain(name) == "control_row" and value not in (None, {}) for name, value in signals.items())
    return "the control row can't be read" if told and "control_row" not in groups else ""


def _uncounted(groups: Mapping[str, Any]) -> Iterator[str]:
    counts = leaves(groups.get("record_counts"), "record_counts")
    if wrong := sum(1 for leaf in counts if control.amount(leaf) is None):
        yield f"signals: {wrong} values of record_counts are no counts and were ignored"


def _others(signals: Mapping[str, Any]) -> dict[str, Any]:
    """Give the groups that have no name with us: metrics of stages may stand under any."""
    return {str(name): value for name, value in signals.items() if plain(str(name)) not in GROUPS}


def _indications(
    groups: Mapping[str, Any], arrived: volume.Volume, others: Mapping[str, Any]
) -> Iterator[Indication]:
    metrics = {"task_metrics": groups.get("task_metrics"), **others}
    snapshot = groups.get("table_snapshot") or {}
    found = (
        arrived.short,
        drift.columns(snapshot) or _refused_schema(arrived.schema),
        drift.small_files(snapshot, groups.get("record_counts") or {}),
        next((skewed for name, rows in metrics.items() if (skewed := drift.skew(name, rows))), None),
        arrived.refused,
    )
    return (indication for indication in found if indication is not None)


def _refused_schema(check: volume.Check | None) -> Indication | None:
    if check is None:
        return None
    return Indication(
        label=TriageLabel.SCHEMA_DRIFT,
        failure_type=FailureType.SCHEMA_DRIFT,
        words=f"The quality check {check.shown} on the schema of the data failed.",
        leaves=(check.leaf,),
    )


def _unwritten(told: Sequence[Leaf]) -> Iterator[str]:
    """Find a control row that calls a batch done of which nothing was written."""
    state = control.state(told)
    counts = [leaf for leaf in control.written(told) if leaf.path[0] == "record_counts"]
    if state is None or not counts or any(control.amount(leaf) for leaf in counts):
        return
    if control.has_word(state, control.DONE):
        yield f"the control row is {state.word}, but the record counts tell of nothing written"


def _cited(risks: Iterable[Risk], indications: Iterable[Indication]) -> tuple[Leaf, ...]:
    found = [risk.leaf for risk in risks if risk.leaf]
    found += [leaf for indication in indications for leaf in indication.leaves]
    shown: dict[str, Leaf] = {}
    for leaf in found:
        if leaf.text and not isinstance(leaf.value, bool):
            shown.setdefault(leaf.name, leaf)
    return tuple(shown.values())[:MAX_CITED]
