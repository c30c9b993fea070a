"""The rules analyst: an incident's redacted view in, a draft diagnosis out.

It works from the signature catalogue alone: no network, no credentials, no cost. It is the default, and the
fallback whenever a model gives no valid answer.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from diagnose.circumstance import NOTHING, Circumstances
from diagnose.diagnosis import EvidenceRole
from diagnose.draft import Draft, Quote
from diagnose.excerpt import LogExcerpt
from diagnose.finding import (
    MAX_HANDLED,
    Event,
    Finding,
    Spot,
    Standing,
    ending_line,
    handled,
    is_last_word,
)
from diagnose.layout import SourceKind
from diagnose.leftover import AFTERMATH
from diagnose.ranking import Judgement, ended, exception_lines, named_exceptions, raised
from diagnose.record import Level
from diagnose.signature import Role, fill
from diagnose.taxonomy import FACTS, FailureType, RetryRule
from diagnose.triage import refine

NAME: Final = "rules"
"""What the payload's `analyst` says."""
MAX_EVIDENCE: Final = 8
"""More lines prove nothing more and don't fit a message."""
MAX_RULED_OUT: Final = 5

_SUCCEEDED: Final = re.compile(r"\S{1,40} INFO Step succeeded with exitCode 0\b")
"""The last line of the controller's log of a step that ended well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What an analyst may see: every text in it is redacted; a mark's template is a key and never shown."""

    events: Sequence[Event]
    findings: Sequence[Finding]
    judgement: Judgement
    excerpt: LogExcerpt
    values: Mapping[str, str]
    """Values of the job's context that advice may name."""
    lines_read: int
    gaps: Sequence[str]
    """Of the logs; those of the signals stand in the circumstances."""
    circumstances: Circumstances = NOTHING
    """What the job's signals tell."""


def draft_by_rules(view: View) -> Draft:
    """Draft from the judgement of the findings, and from the job's signals where the logs leave it open."""
    primary = view.judgement.primary
    bare = primary is not None and primary.signature.specificity <= 1
    return refine(_by_findings(view), view.circumstances, bare=bare)


def _by_findings(view: View) -> Draft:
    judgement = view.judgement
    if (success := _success(view)) is not None:
        return _succeeded(view, *success)
    if judgement.primary is not None:
        return _known(view, judgement.primary)
    if judgement.unknown is not None:
        return _unclassified(view, judgement.unknown)
    if view.lines_read == 0:
        return _no_logs(view)
    return _unexplained(view)


def _success(view: View) -> tuple[Event, int] | None:
    """Find where EMR's controller says that the step succeeded."""
    ends = (event for event in view.events if event.source.kind is SourceKind.CONTROLLER)
    lines = ((event, place) for event in ends for place in range(len(event.passage.lines)))
    return next((spot for spot in lines if _SUCCEEDED.match(spot[0].passage.lines[spot[1]].text)), None)


def _succeeded(view: View, event: Event, place: int) -> Draft:
    """Say that there is no failure: what the logs hold of errors, the step survived."""
    chosen = _Chooser()
    chosen.add(event, place, EvidenceRole.CAUSE)
    return Draft(
        root_cause="The step did not fail: EMR's controller says that it succeeded, whatever its logs hold.",
        failure_type=FailureType.UNCLASSIFIED,
        retry=RetryRule.NEVER,
        recommendations=("Look which step of the cluster failed: this one ended with exit code 0.",),
        evidence=tuple(chosen.shown),
        confidence=0.9,
        ruled_out=_ruled_out(view),
    )


def _known(view: View, primary: Finding) -> Draft:
    judgement, signature = view.judgement, primary.signature
    values = {**view.values, **primary.captures}
    cause = fill(signature.cause, values)
    if judgement.aftermath is not None:
        cause += _told_aftermath(judgement.aftermath)
    return Draft(
        root_cause=cause,
        failure_type=signature.failure_type or FailureType.UNCLASSIFIED,
        retry=signature.retry,
        recommendations=tuple(fill(text, values) for text in signature.advice),
        evidence=tuple(_evidence(view, primary)),
        confidence=_confidence(view, primary),
        contested=_is_contested(view, primary),
        repeated_differently=judgement.aftermath is not None or _attempts_differ(view, primary),
        ruled_out=_ruled_out(view),
    )


def _told_aftermath(finding: Finding) -> str:
    """Say what a later attempt failed on; only existing output is known to come from the first one."""
    leftover = finding.signature.failure_type in AFTERMATH
    what = "what the first attempt had left behind" if leftover else "something else"
    return f" Attempt {finding.event.scope[1]} then failed on {what}."


def _is_contested(view: View, primary: Finding) -> bool:
    """Tell whether something speaks against calling the cause the only one: then no rerun is called safe."""
    judgement = view.judgement
    if any(f.signature.retry is not RetryRule.TRANSIENT for f in judgement.rivals):
        return True
    standing = primary.event.standing
    logged = standing is Standing.FATAL and primary.event.mark.level >= Level.WARN
    if not (standing is Standing.TERMINAL or logged or judgement.promoted):
        return True
    applications = {e.scope[0] for e in view.events if e.source.kind is SourceKind.DRIVER}
    return len(applications) > 1 or _has_foreign_link(view, primary)


def _has_foreign_link(view: View, primary: Finding) -> bool:
    """Tell whether the chain of exceptions also holds one of another kind, known or not."""
    links = raised(primary.event)
    handled = any(text.startswith("During handling of the above") for text in primary.event.texts)
    if len(links) < 2 or not handled:
        return False
    alike = {
        f.position
        for f in view.findings
        if f.event is primary.event and f.signature.failure_type in (primary.signature.failure_type, None)
    }
    return any(position not in alike for position in links)


def _attempts_differ(view: View, primary: Finding) -> bool:
    """Tell whether some attempt of the application did not end with the same failure."""
    application = primary.event.scope[0]
    drivers = [e for e in view.events if e.source.kind is SourceKind.DRIVER and e.scope[0] == application]
    attempts = {e.scope[1] for e in drivers}
    alike = {
        f.event.scope[1]
        for f in (primary, *view.judgement.supports)
        if f.event.scope[0] == application and f.event.standing >= Standing.FATAL
    }
    return len(attempts) > 1 and not attempts <= alike


_BASE: Final = {
    Standing.TERMINAL: 0.9,
    Standing.FATAL: 0.86,
    Standing.ERROR: 0.68,
    Standing.HINT: 0.55,
    Standing.PAST: 0.2,
}
_BY_SPECIFICITY: Final = {3: 0.0, 2: -0.04, 1: -0.2}


def _confidence(view: View, primary: Finding) -> float:
    """Say how sure the verdict is: standing, specificity, agreement, doubt, gaps.

    The numbers are set so that verdicts at 0.8 and more are right in the labelled cases (`make eval`
    prints both shares); 0.97 is the most that rules alone claim.
    """
    judgement = view.judgement
    standing = primary.event.standing
    if judgement.promoted:
        standing = Standing.FATAL
    value = _BASE[standing] + _BY_SPECIFICITY.get(primary.signature.specificity, -0.3)
    others = {f.event.source.file for f in judgement.supports} - {primary.event.source.file}
    value += 0.04 if others else 0.0
    value -= 0.15 if _rival_category(view) else 0.0
    value -= 0.2 if any("missing" in gap or "truncated" in gap for gap in view.gaps) else 0.0
    return round(min(max(value, 0.05), 0.97), 2)


def _rival_category(view: View) -> bool:
    primary = view.judgement.primary
    if primary is None or primary.signature.failure_type is None:
        return False
    mine = FACTS[primary.signature.failure_type].category
    types = (f.signature.failure_type for f in view.judgement.rivals)
    return any(t is not None and FACTS[t].category is not mine for t in types)


def _evidence(view: View, primary: Finding) -> Iterable[Quote]:
    """Choose the lines to show: the cause, where else it stands, what it led to, how the run ended."""
    judgement = view.judgement
    chosen = _Chooser()
    chosen.add(primary.event, primary.position, EvidenceRole.CAUSE)
    same_event = [f for f in judgement.supports if f.event is primary.event]
    elsewhere = [f for f in judgement.supports if f.event is not primary.event]
    for finding in (*same_event[:2], *_one_per_file(elsewhere)[:2]):
        chosen.add(finding.event, finding.position, EvidenceRole.CAUSE)
    if judgement.aftermath is not None:
        chosen.add(judgement.aftermath.event, judgement.aftermath.position, EvidenceRole.SYMPTOM)
    chosen.add_end(view)
    for finding in judgement.rivals[:1]:
        chosen.add(finding.event, finding.position, EvidenceRole.CONTEXT)
    fatal = [f for f in judgement.symptoms if f.event.standing >= Standing.FATAL]
    for finding in _one_per_signature(f for f in fatal if f.signature.role is Role.SYMPTOM)[:2]:
        chosen.add(finding.event, finding.position, EvidenceRole.SYMPTOM)
    return chosen.shown[:MAX_EVIDENCE]


def _one_per_file(findings: Sequence[Finding]) -> list[Finding]:
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(finding.event.source.file, finding)
    return list(first.values())


class _Chooser:
    """Collects lines to show, each text once."""

    def __init__(self) -> None:
        self.shown: list[Quote] = []
        self._texts: set[str] = set()

    def add(self, event: Event, position: int, role: EvidenceRole) -> None:
        spot = Spot(event, position)
        if spot.text.strip() and spot.text not in self._texts:
            self._texts.add(spot.text)
            self.shown.append(_quote(spot, role))

    def add_end(self, view: View) -> None:
        """Add what the run ended with: the driver's exception, and the line that tells the exit."""
        ends = [e for e in view.events if e.standing is Standing.TERMINAL]
        own = [e for e in ends if e.mark.traceback and e.source.kind is not SourceKind.STEP] or ends
        for event in [e for e in own if e.mark.traceback][-1:]:
            for position in exception_lines(event)[:1]:
                self.add(event, position, EvidenceRole.CONTEXT)
        told = [(e, ending_line(e)) for e in ends if not e.mark.traceback]
        for event, place in told[:1]:
            if place is not None:
                self.add(event, place, EvidenceRole.CONTEXT)


def _quote(spot: Spot, role: EvidenceRole) -> Quote:
    source = spot.event.source
    return Quote(
        text=spot.text,
        file=source.file,
        line=spot.number,
        container=source.container,
        attempt=source.attempt,
        role=role,
    )


def _unclassified(view: View, end: Event) -> Draft:
    positions = [*ended(end)[-1:], *named_exceptions(end), *exception_lines(end)]
    first = end.passage.lines[positions[0] if positions else end.mark.first].text.removeprefix("Caused by: ")
    chosen = _Chooser()
    for position in (*positions[:2], *[p for p in positions if _is_cause_line(end, p)][-1:]):
        chosen.add(end, position, EvidenceRole.CAUSE)
    chosen.add_end(view)
    before = handled(view.judgement.past, end.source.file)[-MAX_HANDLED:]  # a summary says only how many
    for finding in before:
        chosen.add(finding.event, finding.position, EvidenceRole.CONTEXT)
    for event, position in _last_words(view):
        chosen.add(event, position, EvidenceRole.CONTEXT)
    cause = f"The job ended with an exception that no known failure describes: {first.strip()[:300]}"
    return Draft(
        root_cause=f"{cause}. It had handled: {before[-1].text.strip(': ')[:200]}" if before else cause,
        failure_type=FailureType.UNCLASSIFIED,
        retry=RetryRule.NEVER,
        recommendations=("Read the exception and the frames of the job's own code in the excerpt.",),
        evidence=tuple(chosen.shown[:MAX_EVIDENCE]),
        confidence=0.5,
        ruled_out=_ruled_out(view, {finding.text for finding in before}),
    )


def _is_cause_line(event: Event, position: int) -> bool:
    return event.passage.lines[position].text.startswith(("Caused by: ", ": "))


def _no_logs(view: View) -> Draft:
    return Draft(
        root_cause="No log of the failed step could be read, so its cause is not known.",
        failure_type=FailureType.LOGS_UNAVAILABLE,
        retry=RetryRule.CONDITIONAL,
        recommendations=(
            "Look under the cluster's log location; EMR uploads a step's logs up to five minutes late.",
            "Check that the cluster has a log location and that its instance role may write there.",
        ),
        evidence=(),
        confidence=0.9 if view.gaps else 0.8,
    )


def _unexplained(view: View) -> Draft:
    """Say that the logs name no cause, and show how the run ended and the job's own last words."""
    chosen = _Chooser()
    exits = [f for f in view.judgement.symptoms if f.event.standing >= Standing.ERROR]
    exits.sort(key=lambda f: f.event.source.kind is not SourceKind.DRIVER)
    exits += [f for f in view.judgement.symptoms if f not in exits]
    for finding in _one_per_signature(exits)[:4]:
        chosen.add(finding.event, finding.position, EvidenceRole.CONTEXT)
    if not chosen.shown:
        chosen.add_end(view)
    how = chosen.shown[0].text.strip()[:200] if chosen.shown else "the logs end without a word about it"
    words = _last_words(view)
    for event, position in words:
        chosen.add(event, position, EvidenceRole.CONTEXT)
    said = f" The job's own last words: {chosen.shown[-1].text.strip()[:200]}" if words else ""
    thin = any("missing" in gap or "truncated" in gap or "not read" in gap for gap in view.gaps)
    if not words and _lacks_driver(view):
        return _driver_missing(how, chosen)
    return Draft(
        root_cause=f"The logs don't say why the job failed. What they show of its end: {how}{said}",
        failure_type=FailureType.UNEXPLAINED_EXIT,
        retry=RetryRule.NEVER,
        recommendations=(
            "Make the job log the reason before it exits with a status other than 0.",
            "Read the job's own code for calls that exit the process, such as sys.exit or os._exit.",
        ),
        evidence=tuple(chosen.shown[:MAX_EVIDENCE]),
        # That nobody knows the reason may also mean that we do not know the words it was told in.
        confidence=0.6 if thin or words else 0.75,
        ruled_out=_ruled_out(view),
    )


_OF_THE_DRIVER: Final = ("the container logs of ", "the application master's ")
"""How gaps begin that tell of a driver's log in cluster mode."""
_RAN_ELSEWHERE: Final = frozenset({"spark.application-failed", "spark.user-exit", "spark.user-class-threw"})
"""Said by the step's own log only where the driver ran in a container."""


def _lacks_driver(view: View) -> bool:
    """Tell whether the driver's log is missing: its container's, or the step's own in client mode."""
    drivers = any(e.source.kind is SourceKind.DRIVER and e.standing >= Standing.FATAL for e in view.events)
    if not drivers and "the step's standard error is missing" in view.gaps:
        return True
    step = (f for f in view.findings if f.event.source.kind is SourceKind.STEP)
    elsewhere = any(f.signature.id in _RAN_ELSEWHERE for f in step)
    return elsewhere and any(gap.startswith(_OF_THE_DRIVER) and gap.endswith("missing") for gap in view.gaps)


def _driver_missing(how: str, chosen: _Chooser) -> Draft:
    """Say that the driver's log is not there, and what the step's own log shows of the end."""
    return Draft(
        root_cause=f"The driver's log, which would tell why, is missing. What the step's own shows: {how}",
        failure_type=FailureType.LOGS_UNAVAILABLE,
        retry=RetryRule.CONDITIONAL,
        recommendations=(
            "Look for the application master's container under the cluster's log location; it may come late.",
            "If it never comes, read it on the cluster with yarn logs while the cluster still runs.",
        ),
        evidence=tuple(chosen.shown[:MAX_EVIDENCE]),
        confidence=0.75,
    )


def _last_words(view: View) -> list[tuple[Event, int]]:
    """Find the last warnings and errors that the job itself logged: at most two, the last one last."""
    own = [e for e in view.events if e.mark.level >= Level.WARN and is_last_word(e)]
    return [(event, event.mark.first) for event in own[-2:]]


def _one_per_signature(findings: Iterable[Finding]) -> list[Finding]:
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(finding.signature.id, finding)
    return list(first.values())


def _ruled_out(view: View, open_texts: Collection[str] = ()) -> tuple[tuple[str, str], ...]:
    """List what looks like a cause and is none, each text once; not those whose part is not known."""
    rows: dict[str, str] = {}
    primary = view.judgement.primary
    shown = primary.signature.failure_type if primary else None
    for finding in [f for f in view.judgement.past if f.signature.failure_type != shown]:
        if finding.text not in open_texts:
            rows.setdefault(finding.text, finding.event.reason)
    for finding in [f for f in view.judgement.noise if f.event.mark.level is Level.ERROR]:
        rows.setdefault(finding.text, f"known noise ({finding.signature.id})")
    return tuple(rows.items())[:MAX_RULED_OUT]
