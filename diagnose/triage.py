"""A failure type, the risk of a half write and the circumstances in, the triage label out. Pure.

The log has the first word: a failure type whose label stands in the taxonomy keeps it. Where the log leaves
the cause open, one indication decides; several that differ, or signals that contradict each other, give
UNKNOWN, and the conflict is named. `refine` does the same for the rules' draft, with the failure type.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from diagnose.circumstance import PREFIX, Circumstances, Indication
from diagnose.diagnosis import MAX_RECOMMENDATIONS, EvidenceRole
from diagnose.draft import Draft, Quote
from diagnose.leaf import Leaf
from diagnose.taxonomy import FACTS, FailureType, TriageLabel

_F, _T = FailureType, TriageLabel
_CODE: Final = frozenset((_F.CODE_ERROR, _F.CODE_REGRESSION))
OPEN: Final = {
    _T.CODE_REGRESSION: frozenset((*_CODE, _F.NULL_VIOLATION, _F.SQL_ERROR, _F.MISSING_CLASS)),
    _T.SCHEMA_DRIFT: frozenset(
        (*_CODE, _F.NULL_VIOLATION, _F.SQL_ERROR, _F.QUALITY_CHECK_FAILED, _F.UNEXPLAINED_EXIT)
    ),
    _T.SOURCE_DELAY: frozenset((*_CODE, _F.NULL_VIOLATION, _F.QUALITY_CHECK_FAILED, _F.UNEXPLAINED_EXIT)),
    _T.SMALL_FILE_PRESSURE: frozenset((_F.DRIVER_OOM, _F.RESULT_TOO_LARGE, _F.UNEXPLAINED_EXIT)),
    _T.DATA_SKEW: frozenset(
        (_F.EXECUTOR_OOM, _F.CONTAINER_MEMORY_KILL, _F.DISK_FULL, _F.UNEXPLAINED_EXIT)
    ),
    _T.UNKNOWN: frozenset((_F.UNEXPLAINED_EXIT,)),
}  # fmt: skip
"""Label of an indication → failure types that it could be behind."""
DECIDES: Final = {
    **OPEN,
    _T.CODE_REGRESSION: frozenset((*_CODE, _F.SQL_ERROR, _F.MISSING_CLASS)),
    _T.SCHEMA_DRIFT: frozenset((_F.UNEXPLAINED_EXIT,)),
    _T.SOURCE_DELAY: frozenset((_F.QUALITY_CHECK_FAILED, _F.UNEXPLAINED_EXIT)),
}
"""Label of an indication → failure types that it explains well enough to name it without more of the log."""
REFINED: Final = {**DECIDES, _T.CODE_REGRESSION: _CODE, _T.SOURCE_DELAY: frozenset((_F.UNEXPLAINED_EXIT,))}
"""Label of an indication → failure types that the rules replace by the indication's own."""
_NAMED: Final = frozenset((*OPEN[_T.SCHEMA_DRIFT],)) - {_F.UNEXPLAINED_EXIT}
"""Failure types that are a drift of the schema where the log names a column that drifted."""
_S3_THROTTLES: Final = ("slowdown", "slow down", "reduce your request rate")
"""What S3 says when a prefix gets too many requests; a rerun sends as many."""
MIN_NAME_CHARS: Final = 3
"""A shorter column name stands in many lines by chance."""
BORNE_OUT: Final = 0.8
"""Confidence of a cause that both a log line and a signal tell."""
MAX_EVIDENCE: Final = 8
"""As for the rules and for a model."""
UNTOLD: Final = 0.7
"""Confidence of a cause that only signals tell, in a run whose log is silent."""

ADVICE: Final = {
    _F.CODE_REGRESSION: (
        "Compare the deployed version with the one before it, where the job's own code has its first frame.",
        "Let the job's owner mend the code or go back to the version before; test it on this batch's input.",
    ),
    _F.SCHEMA_DRIFT: (
        "Compare the columns of the new data with the table's, and ask the source's owner about the change.",
        "Agree with the table's owner how the new shape is taken over.",
    ),
    _F.SOURCE_DELAY: (
        "Ask the owner of the source whether this batch's data is complete, and when the rest arrives.",
        "Let the schedule wait for the source's own sign of completeness.",
    ),
    _F.SMALL_FILE_PRESSURE: (
        "Ask the owner of the table to compact its small files, and find the writer that makes so many.",
        "Read fewer partitions at once in the job's code (filter on partition columns); test it.",
    ),
    _F.DATA_SKEW: (
        "Find the key that holds most rows of the long task (null, empty, a default value), and spread or "
        "filter it in the job's code; test it.",
        "Let adaptive execution split skewed partitions of joins (spark.sql.adaptive.skewJoin.enabled).",
    ),
    _F.QUALITY_CHECK_FAILED: (
        "Look at the records that the failed check names, and ask the owner of the source to mend them.",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Triage:
    """The triage label, and what stood in the way of a better one."""

    label: TriageLabel
    conflict: str = ""
    """The conflict between signals that left the label UNKNOWN, in words; "" for none."""


def triage(
    failure_type: FailureType,
    circumstances: Circumstances,
    *,
    partial_write_risk: bool,
    logged_write: bool = False,
) -> Triage:
    """Give the triage label of a verdict.

    Args:
        failure_type: the verdict's.
        circumstances: what the signals tell.
        partial_write_risk: something, log or signal, says that a write may be half done.
        logged_write: a log says so.
    """
    label = _known(failure_type, circumstances)
    if label is not TriageLabel.UNKNOWN and failure_type not in _CODE:
        return Triage(label)
    conflict = "" if logged_write else _conflict(failure_type, circumstances)
    if conflict:
        return Triage(TriageLabel.UNKNOWN, conflict)
    decided = _deciding(failure_type, circumstances, DECIDES)
    if decided is not None:
        label = decided.label
    if partial_write_risk and label is TriageLabel.UNKNOWN:
        label = TriageLabel.PARTIAL_WRITE_RISK
    return Triage(label)


def _known(failure_type: FailureType, circumstances: Circumstances) -> TriageLabel:
    """Give the taxonomy's label; where the surroundings are told, a regression needs a release before it."""
    label = FACTS[failure_type].triage
    if failure_type in _CODE and circumstances.known and not circumstances.released:
        return TriageLabel.UNKNOWN
    return label


def _conflict(failure_type: FailureType, circumstances: Circumstances) -> str:
    """Say which signals stand against each other in this failure."""
    if circumstances.conflicts:
        return circumstances.conflicts[0]
    behind = {i.label: i for i in circumstances.indications if failure_type in OPEN[i.label]}
    if len(behind) < 2:
        return ""
    named = "; ".join(f"{label}: {indication.words}" for label, indication in behind.items())
    return f"signals in conflict, each could explain the failure: {named}"


def _deciding(
    failure_type: FailureType,
    circumstances: Circumstances,
    table: dict[TriageLabel, frozenset[FailureType]],
) -> Indication | None:
    return next((i for i in circumstances.indications if failure_type in table[i.label]), None)


def refine(draft: Draft, circumstances: Circumstances, *, bare: bool) -> Draft:
    """Let the signals name the cause of the rules' draft where its log leaves it open.

    Args:
        draft: as the catalogue's findings made it.
        circumstances: what the signals tell.
        bare: the cause is the bare class of an exception, which names no reason.

    Returns:
        The draft, with the indication's failure type where one decides. Its retry rule is never transient.
    """
    found = _borne_out(draft, circumstances) or _alone(draft, circumstances, bare=bare)
    if found is None:
        return draft
    silent = draft.failure_type is FailureType.UNEXPLAINED_EXIT
    role = EvidenceRole.CAUSE if silent else EvidenceRole.CONTEXT
    cited = cite([leaf for leaf in found.leaves if leaf in circumstances.leaves], role)
    first = 0 if silent else 1
    advice = (*ADVICE[found.failure_type], *draft.recommendations)
    return replace(
        draft,
        root_cause=f"{found.words} {draft.root_cause}" if silent else f"{draft.root_cause} {found.words}",
        failure_type=found.failure_type,
        retry=FACTS[found.failure_type].retry,
        recommendations=advice[:MAX_RECOMMENDATIONS],
        evidence=(*draft.evidence[:first], *cited, *draft.evidence[first:])[:MAX_EVIDENCE],
        confidence=min(draft.confidence, UNTOLD) if silent else max(draft.confidence, BORNE_OUT),
    )


def _borne_out(draft: Draft, circumstances: Circumstances) -> Indication | None:
    """Find an indication that the log's own lines about the cause bear out.

    A column that they name and that drifted; very many small files where it was S3 that throttled.
    """
    if circumstances.conflicts:
        return None
    lines = " ".join(q.text for q in draft.evidence if q.role is EvidenceRole.CAUSE).lower()
    if draft.failure_type is FailureType.SERVICE_THROTTLED and any(word in lines for word in _S3_THROTTLES):
        small = (i for i in circumstances.indications if i.label is TriageLabel.SMALL_FILE_PRESSURE)
        return next(small, None)
    if draft.failure_type not in _NAMED:
        return None
    words = set("".join(c if c.isalnum() or c == "_" else " " for c in lines).split())
    names = (i for i in circumstances.indications if i.label is TriageLabel.SCHEMA_DRIFT)
    return next((i for i in names if {n for n in i.names if len(n) >= MIN_NAME_CHARS} & words), None)


def _alone(draft: Draft, circumstances: Circumstances, *, bare: bool) -> Indication | None:
    """Find the one indication that explains a failure whose log leaves its cause open."""
    kind = draft.failure_type
    if kind is FailureType.NULL_VIOLATION and bare:
        kind = FailureType.CODE_ERROR  # a task's bare null pointer says no more than a driver's
    if _conflict(kind, circumstances):
        return None
    return _deciding(kind, circumstances, REFINED)


def cite(leaves: Sequence[Leaf], role: EvidenceRole = EvidenceRole.CONTEXT) -> tuple[Quote, ...]:
    """Quote signals as evidence: each value is one line of the place `context.signals.<field>`."""
    return tuple(
        Quote(text=leaf.text, file=PREFIX + leaf.name, line=1, container=None, attempt=None, role=role)
        for leaf in leaves
    )
