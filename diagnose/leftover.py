"""Findings in, findings out, without what a task met only because an earlier try of it had begun to write.

A task that fails while it writes leaves a file behind; its next tries then fail on that file, and so does, in
name, the job. The first try tells the cause. Known of committers that write in place, as EMRFS's does.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from diagnose.finding import Event, Finding
from diagnose.task import Scope, TaskRef, task_of, tries_of
from diagnose.taxonomy import FailureType

AFTERMATH: Final = frozenset({FailureType.OUTPUT_EXISTS})
"""What a second try or attempt fails on because of what the first one left behind."""


def without_leftovers(eligible: Sequence[Finding], happened: Iterable[Event]) -> list[Finding]:
    """Leave out what the later tries of a task fail on where its first try failed on something else.

    All stays where nothing else would be left.
    """
    first = {_task(event) for event in happened if tries_of(event.texts[0]) == 0}
    first -= {_task(f.event) for f in eligible if _is_aftermath(f) and tries_of(f.event.texts[0]) == 0}
    kept = [f for f in eligible if not (_is_aftermath(f) and _again(f) & first)]
    return kept or list(eligible)


def _is_aftermath(finding: Finding) -> bool:
    return finding.signature.failure_type in AFTERMATH


def _task(event: Event) -> tuple[Scope, TaskRef | None]:
    return event.scope, task_of(event.texts[0])


def _again(finding: Finding) -> set[tuple[Scope, TaskRef | None]]:
    """Name the tasks whose later tries the finding's record is about."""
    texts = [text for text in finding.event.texts if tries_of(text)]
    return {(finding.event.scope, task_of(text)) for text in texts}
