"""Findings, judgement and signs in; what each record is worth in the excerpt out, and which lines must stay.

The root cause and what ended the run come first, then what says the same, then what the cause's settings and
paths are, other causes and errors after that. What was survived and what is known noise come last.
"""

import re
from collections.abc import Sequence
from typing import Final, Protocol

from diagnose.anchor import Interest
from diagnose.finding import MAX_HANDLED, Event, Finding, Standing, ending_line, handled, is_last_word
from diagnose.ranking import Judgement, raised
from diagnose.record import Level
from diagnose.signature import Role

CHIEF: Final = 100.0
SUPPORT: Final = 85.0
END: Final = 80.0
SETTING: Final = 70.0
"""What the settings and paths of the cause were; below how the run ended, above all that is only likely."""
CAUSE: Final = 60.0
SIGN: Final = 55.0
FINDING: Final = 45.0
PAST: Final = 8.0
NOISE: Final = 2.0
_MAX_SUPPORTS: Final = 6
_MAX_RIVALS: Final = 3
_BY_INTEREST: Final = {
    Interest.FATAL: 40.0,
    Interest.ERROR: 30.0,
    Interest.TAIL: 18.0,
    Interest.WARNING: 14.0,
    Interest.HINT: 10.0,
}


_WORK: Final = re.compile(r"DAGScheduler: (?:Missing parents: |Submitting .* missing (?:tasks|parents))")
"""What the scheduler still has to do: it tells which stages ran, and no reader why they failed."""


class Baseline(Protocol):
    """What a good run of the same job printed."""

    def seen(self, template: str) -> bool:
        """Tell whether a line of this template was in a good run."""
        ...


class Weigher:
    """Says what an event is worth in the excerpt.

    Args:
        found: all findings.
        judgement: what they come to.
        signs: places (file, line) that show that a write began; they are worth a line.
        baseline: templates of a good run rank lower.
    """

    def __init__(
        self,
        found: Sequence[Finding],
        judgement: Judgement,
        signs: frozenset[tuple[str, int]],
        baseline: Baseline | None,
    ) -> None:
        self._roles: dict[int, set[Role]] = {}
        self._keys: dict[int, list[int]] = {}
        chief = [f for f in (judgement.primary, judgement.aftermath) if f]
        support = [*judgement.supports[:_MAX_SUPPORTS], *judgement.rivals[:_MAX_RIVALS]]
        for finding in found:
            self._roles.setdefault(id(finding.event), set()).add(finding.signature.role)
        for finding in (*chief, *support, *(f for f in found if f.signature.role is Role.CAUSE)):
            self._keys.setdefault(id(finding.event), []).append(finding.position)
        self._chief = {id(f.event) for f in chief}
        self._chief |= {id(judgement.unknown)} if judgement.unknown else set()
        self._support = {id(f.event) for f in support}
        if judgement.unknown:  # which may be no more than the job's own summary of these
            caught = handled(judgement.past, judgement.unknown.source.file)[-MAX_HANDLED:]
            self._support |= {id(f.event) for f in caught}
        self._unexplained = judgement.primary is None
        self._signs = signs
        self._baseline = baseline

    def weigh(self, event: Event) -> float:
        """Give the weight; 0: not worth a line."""
        if id(event) in self._chief:
            return CHIEF
        if id(event) in self._support:
            return SUPPORT + event.standing
        weight = self._by_place(event)
        if self._unexplained and event.mark.level >= Level.WARN and is_last_word(event):
            weight = max(weight, CAUSE + event.standing + event.mark.level)
        if self._baseline and self._baseline.seen(event.mark.template):
            weight /= 4
        return weight

    def keys(self, event: Event) -> list[int]:
        """Give the positions of its lines that must stay: what tells a cause, the end, a write."""
        found = list(self._keys.get(id(event), ()))
        if event.standing is Standing.TERMINAL:
            end = ending_line(event)
            found += raised(event)[-1:] if end is None else [end]
        if event.mark.interest is Interest.TAIL:  # last words: the last ones first
            found += range(event.mark.last, event.mark.first - 1, -1)
        if self._signs:
            found += [p for p, _ in event.lines if self._shows_write(event, p)]
        return found

    def _by_place(self, event: Event) -> float:
        roles = self._roles.get(id(event), set())
        late = event.mark.after_end and Role.NOISE in roles and Role.CAUSE not in roles
        if event.standing is Standing.TERMINAL and not late:
            return END
        if self._is_sign(event):
            return SIGN
        if late or roles == {Role.NOISE}:  # whatever end late noise tells of came after the run's
            return NOISE
        if event.standing is Standing.PAST:
            return PAST
        if Role.CAUSE in roles:
            return CAUSE + event.standing
        return FINDING + event.standing if roles else _plain_weight(event)

    def _is_sign(self, event: Event) -> bool:
        return bool(self._signs) and any(self._shows_write(event, position) for position, _ in event.lines)

    def _shows_write(self, event: Event, position: int) -> bool:
        return (event.source.file, event.passage.lines[position].number) in self._signs


def _plain_weight(event: Event) -> float:
    weight = _BY_INTEREST.get(event.mark.interest, 0.0)
    if not weight or (event.mark.interest is Interest.HINT and _WORK.search(event.texts[0])):
        return 0.0
    return weight + event.standing + (1 if event.mark.level is Level.ERROR else 0)
