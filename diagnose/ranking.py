"""Findings in, the root cause among them out, with what it explains and what was ruled out.

A cause is worth its standing and its specificity; a cause that explains the symptom the run ended with is
worth as much as that end. Among equals the first attempt, the first in time and the deepest `Caused by`
win, not the loudest. A finding that another one explains is a symptom of it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from diagnose.anchor import Interest
from diagnose.finding import Event, Finding, Standing, causes, is_frame
from diagnose.layout import SourceKind
from diagnose.leftover import AFTERMATH, without_leftovers
from diagnose.signature import Role
from diagnose.task import Scope
from diagnose.taxonomy import FailureType

STANDING_WEIGHT: Final = 2.0
"""A step of standing outweighs a step of specificity: a vague exception that ended the driver beats a
clear one that didn't, unless the clear one is nearly as fatal."""
_NO_TIME: Final = datetime.max.replace(tzinfo=UTC)
EVICTIONS: Final = frozenset(
    {
        FailureType.NODE_LOST,
        FailureType.INSUFFICIENT_CAPACITY,
        FailureType.CANCELLED,
        FailureType.UNEXPLAINED_EXIT,
    }
)
"""Ends of an attempt that say nothing about why the next one failed: it is there to survive them."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the findings come to."""

    primary: Finding | None
    """The root cause, None when no line names one."""
    unknown: Event | None
    """The exception that ended the run though the catalogue doesn't know it; None otherwise."""
    supports: tuple[Finding, ...]
    """Other findings that say the same, in other places."""
    symptoms: tuple[Finding, ...]
    """Consequences of the cause."""
    rivals: tuple[Finding, ...]
    """Causes of another failure type that stand nearly as high; the best first."""
    past: tuple[Finding, ...]
    """Causes that were survived, handled or logged during shutdown."""
    noise: tuple[Finding, ...]
    promoted: bool = False
    """The root cause is not where the run ended but explains it."""
    aftermath: Finding | None = None
    """What a later attempt failed on because of the primary's attempt."""


def judge(happened: Sequence[Event], found: Sequence[Finding]) -> Judgement:
    """Choose the root cause.

    Args:
        happened: all events, in order.
        found: all findings in those events.

    Returns:
        The judgement; with neither `primary` nor `unknown` the logs don't say what failed.
    """
    candidates = causes(found)
    span = _driver_span(happened)
    alive = [f for f in candidates if f.event.standing is not Standing.PAST and not _is_stale(f, span)]
    past = tuple(f for f in candidates if f.event.standing is Standing.PAST)
    ended = _ended_with(found)
    scores = {id(f): _score(f, ended) for f in alive}
    blind = not any(event.source.kind is SourceKind.DRIVER for event in happened)
    eligible = [f for f in alive if _is_eligible(f, ended, blind=blind)]
    eligible = without_leftovers(_drop_explained(eligible), happened)
    ranked = sorted(eligible, key=lambda f: _sort_key(f, scores[id(f)]))
    ranked = _without_evicted(ranked, _last_attempts(happened))
    primary, aftermath = _first_attempt(ranked, scores)
    promoted = (
        primary is not None and primary.event.standing < Standing.FATAL and _explains_end(primary, ended)
    )
    unknown = _unknown_end(happened, found)
    behind = _behind(unknown, ranked) if unknown is not None else None
    if behind is not None:
        primary, unknown = behind, None
    elif unknown is not None and _outranks(unknown, primary, scores, promoted=promoted):
        primary = None
    else:
        unknown = None
    return Judgement(
        primary=primary,
        unknown=unknown,
        supports=_supports(primary, alive),
        symptoms=tuple(f for f in found if f.signature.role in (Role.SYMPTOM, Role.WRAPPER)),
        rivals=_rivals(primary, [f for f in ranked if aftermath is None or not _same(f, aftermath)], scores),
        past=past,
        noise=tuple(f for f in found if f.signature.role is Role.NOISE),
        promoted=promoted,
        aftermath=aftermath,
    )


def _driver_span(happened: Iterable[Event]) -> tuple[datetime, datetime] | None:
    """Give the first and last time that the driver's and the step's logs name."""
    kinds = (SourceKind.DRIVER, SourceKind.STEP)
    times = [e.mark.time for e in happened if e.mark.time and e.source.kind in kinds]
    return (min(times), max(times)) if times else None


STALE: Final = timedelta(minutes=15)
"""A node's trouble further away from the run than this explains nothing in it."""


def _is_stale(finding: Finding, span: tuple[datetime, datetime] | None) -> bool:
    """Tell whether a daemon's line about a node lies outside the run."""
    daemons = (SourceKind.NODE_MANAGER, SourceKind.RESOURCE_MANAGER)
    if span is None or finding.time is None or finding.event.source.kind not in daemons:
        return False
    return not span[0] - STALE <= finding.time <= span[1] + STALE


def _ended_with(found: Iterable[Finding]) -> frozenset[str]:
    """Name the symptoms and weak causes that the run ended with."""
    return frozenset(f.signature.id for f in found if f.event.standing >= Standing.FATAL)


def _explains_end(finding: Finding, ended: frozenset[str]) -> bool:
    return bool(finding.signature.explains & ended)


def _score(finding: Finding, ended: frozenset[str]) -> float:
    standing = float(finding.event.standing)
    if _explains_end(finding, ended):
        standing = max(standing, Standing.FATAL) + 0.25
    return STANDING_WEIGHT * standing + finding.signature.specificity


def _is_eligible(finding: Finding, ended: frozenset[str], *, blind: bool) -> bool:
    """Leave out what is only mentioned: a hint counts when it explains the end.

    Without any log of the driver (`blind`) a kill that a daemon reports is the best there is.
    """
    if finding.signature.ends or _explains_end(finding, ended):
        return _explains_end(finding, ended)
    if finding.event.standing >= Standing.ERROR:
        return True
    fatal_words = finding.event.mark.interest is Interest.FATAL
    from_driver = finding.event.source.kind is not SourceKind.OTHER
    return blind and fatal_words and from_driver and finding.signature.specificity == 3


def _drop_explained(eligible: list[Finding]) -> list[Finding]:
    """Take out causes that another eligible cause explains, unless they explain each other."""
    kept: list[Finding] = []
    for finding in eligible:
        explainers = [f for f in eligible if _explains(f, finding)]
        if not any(not _explains(finding, f) for f in explainers):
            kept.append(finding)
    return kept


def _explains(one: Finding, other: Finding) -> bool:
    if one.signature.id == other.signature.id:
        return False
    names = {other.signature.id, str(other.signature.failure_type)}
    if not names & one.signature.explains:
        return False
    if one.signature.failure_type == other.signature.failure_type and one.signature.id not in names:
        return other.signature.id in one.signature.explains
    return True


def _sort_key(finding: Finding, score: float) -> tuple[float, int, datetime, int, int]:
    """Best first: score, then attempt, time, file order, and the deepest line of a trace."""
    return (
        -score,
        finding.event.scope[1] or 0,
        finding.time or _NO_TIME,
        finding.event.order,
        -finding.position,
    )


def _last_attempts(happened: Iterable[Event]) -> dict[str | None, int]:
    """Give each application's last attempt whose driver says how it ended."""
    last: dict[str | None, int] = {}
    for event in happened:
        application, attempt = event.scope
        if event.source.kind is SourceKind.DRIVER and event.standing >= Standing.FATAL:
            last[application] = max(last.get(application, 0), attempt or 0)
    return last


def _without_evicted(ranked: list[Finding], last: Mapping[str | None, int]) -> list[Finding]:
    """Leave out what took an attempt away from outside where another one came to an end of its own.

    It stays where the later attempt failed on nothing but what the first had left behind.
    """
    gone = [f for f in ranked if _is_evicted(f, last)]
    again = {f.signature.failure_type for f in ranked if f not in gone}
    kept = [f for f in ranked if f not in gone or f.signature.failure_type in again]
    stays = kept and kept[0].signature.failure_type in AFTERMATH
    return ranked if stays else kept


def _is_evicted(finding: Finding, last: Mapping[str | None, int]) -> bool:
    application, attempt = finding.event.scope
    taken = finding.signature.failure_type in EVICTIONS
    return taken and attempt is not None and attempt < last.get(application, 0)


def _first_attempt(
    ranked: Sequence[Finding], scores: dict[int, float]
) -> tuple[Finding | None, Finding | None]:
    """Prefer the first attempt's cause over what a later attempt failed on.

    Returns:
        The root cause, and what a later attempt of its application failed on, if on something else.
    """
    if not ranked:
        return None, None
    best = ranked[0]
    application, attempt = _attempt_of(best, ranked)
    if attempt is None or attempt == 1:
        return best, _later_end(best, ranked, application) if attempt else None
    earlier = [f for f in ranked if f.event.scope[0] == application and (f.event.scope[1] or 0) < attempt]
    strong = [f for f in earlier if f.event.standing >= Standing.FATAL or scores[id(f)] >= _FATAL_SCORE]
    first = strong[0] if strong else best
    if _same(first, best):
        return first, None
    if best.signature.failure_type in AFTERMATH or first.signature.failure_type not in EVICTIONS:
        return first, best
    return best, None


def _attempt_of(best: Finding, ranked: Sequence[Finding]) -> Scope:
    """Give application and attempt of a finding; the step's own lines quote an attempt's end."""
    if best.event.scope[1] is not None:
        return best.event.scope
    quoted = (f.event.scope for f in ranked if f.event.scope[1] is not None and _same(best, f))
    return next(quoted, (None, None))


def _later_end(first: Finding, ranked: Sequence[Finding], application: str | None) -> Finding | None:
    later = (
        f
        for f in ranked
        if f.event.scope[0] == application
        and (f.event.scope[1] or 0) > 1
        and f.event.standing is Standing.TERMINAL
        and not _same(f, first)
    )
    return next(later, None)


_FATAL_SCORE: Final = STANDING_WEIGHT * Standing.FATAL + 1


def _same(one: Finding, other: Finding) -> bool:
    return one.signature.failure_type == other.signature.failure_type


def _outranks(unknown: Event, primary: Finding | None, scores: dict[int, float], *, promoted: bool) -> bool:
    """Tell whether an unknown exception that ended the run is the better answer."""
    if primary is None or scores[id(primary)] < STANDING_WEIGHT * Standing.FATAL + 2:
        return True
    return not promoted and unknown.standing > primary.event.standing


_DIRECT: Final = "The above exception was the direct cause of the following exception:"
_CHAIN_LINES: Final = 120


def _behind(unknown: Event, ranked: Iterable[Finding]) -> Finding | None:
    """Find the cause that Python names as the direct one of the unknown exception that ended the run."""
    words = {unknown.passage.lines[position].text for position in ended(unknown)}
    for finding in ranked:
        following = finding.event.passage.lines[finding.position + 1 :][:_CHAIN_LINES]
        after = iter(line.text for line in following)
        linked = any(text == _DIRECT for text, _ in zip(after, range(3), strict=False))
        if linked and any(text in words for text in after):
            return finding
    return None


def _unknown_end(happened: Sequence[Event], found: Sequence[Finding]) -> Event | None:
    """Find the exception that ended the run and of which no line names a known cause.

    A trace that holds wrappers and symptoms only is unknown too, if an exception stands below them.
    """
    known = {id(f.event) for f in found if f.signature.role is Role.CAUSE}
    told = {(id(f.event), f.position) for f in found if not _only_announces(f)}
    ends = [e for e in happened if _may_be_unknown(e) and id(e) not in known]
    ends.sort(key=lambda e: -e.standing)
    unexplained = [e for e in ends if any((id(e), p) not in told for p in ended(e))]
    return unexplained[0] if unexplained else None


def ended(event: Event) -> list[int]:
    """List where an event names what it ended with: in Python, or in Java where Python passes that on."""
    passed = {position for position, text in event.lines if text.startswith(_PASSED_ON)}
    own = [position for position in raised(event) if position not in passed]
    return own or [position for position in named_exceptions(event) if position not in passed]


_PASSED_ON: Final = "py4j.protocol.Py4JJavaError: "
_ANNOUNCEMENT: Final = "User class threw exception: "


def _only_announces(finding: Finding) -> bool:
    """Tell a wrapper that announces an exception in its own line from one that names what failed."""
    return finding.signature.role is Role.WRAPPER and finding.signature.pattern == _ANNOUNCEMENT


def _may_be_unknown(event: Event) -> bool:
    if event.standing < Standing.FATAL:
        return False
    return event.mark.traceback or event.standing is Standing.TERMINAL


_EXCEPTION_NAME: Final = re.compile(
    r'^(?:: |Caused by: |.*User class threw exception: |Exception in thread "(?:main|Driver)" )?'
    r"(?:[A-Za-z_$][\w$]*\.)*[A-Z]\w*(?:Error|Exception|Failure|Exit|Interrupt|Fault|Timeout)\b"
)


def named_exceptions(event: Event) -> list[int]:
    """List the positions of lines that begin with the name of an exception class."""
    return [position for position, text in event.lines if _EXCEPTION_NAME.match(text)]


def _supports(primary: Finding | None, alive: Sequence[Finding]) -> tuple[Finding, ...]:
    if primary is None:
        return ()
    same = [f for f in alive if f is not primary and _same(f, primary) and f.place != primary.place]
    same.sort(key=lambda f: (f.event is not primary.event, -f.event.standing, f.event.order, -f.position))
    return tuple(same)


RIVAL_MARGIN: Final = 1.0
"""A cause of another category within one step of specificity puts the verdict in doubt."""


def _rivals(
    primary: Finding | None, ranked: Sequence[Finding], scores: dict[int, float]
) -> tuple[Finding, ...]:
    if primary is None:
        return ()
    floor = scores[id(primary)] - RIVAL_MARGIN
    return tuple(f for f in ranked if not _same(f, primary) and scores[id(f)] >= floor)


def raised(event: Event) -> list[int]:
    """List where a Python traceback names what was raised: the first line below each block of frames."""
    if not event.mark.traceback:
        return []
    found: list[int] = []
    in_frames = False
    for position, text in event.lines:
        if text.startswith('  File "'):
            in_frames = True
        elif in_frames and text.strip() and text[0] not in " \t":
            found.append(position)
            in_frames = False
    return found


def exception_lines(event: Event) -> list[int]:
    """List the positions of an event's lines that name an exception or end a traceback, the first first."""
    return [
        position
        for position, text in event.lines
        if text.strip() and not is_frame(text, traceback=event.mark.traceback) and not _is_chrome(text)
    ]


def _is_chrome(text: str) -> bool:
    """Tell a traceback's own fixed words."""
    return text.startswith(
        ("Traceback (most", "Driver stacktrace:", "JVM stacktrace:", "During handling", "The above")
    )
