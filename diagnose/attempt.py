"""Passages of a run in, which attempt of which application each of their records is about out. Pure.

A file of a container belongs to one attempt; the daemons' files tell of all, most lines by name.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from diagnose.layout import SourceKind
from diagnose.passage import Mark, Passage
from diagnose.task import Scope

NODE_GONE: Final = re.compile(r"Deactivating Node \S+ as it is now ")
"""Of a node that matters to the step: `diagnose.daemon` lets no other through, but sees no lone log."""
_CONTAINER: Final = re.compile(r"(?:container|appattempt)_(?:e\d+_)?(?P<app>\d+_\d+)_(?P<attempt>\d+)")


def begun(passages: Iterable[Passage]) -> dict[Scope, datetime]:
    """Tell when each attempt's driver is first heard of."""
    found: dict[Scope, datetime] = {}
    for passage in passages:
        of = (passage.source.application, passage.source.attempt)
        times = (mark.time for mark in passage.marks if mark.time)
        if passage.source.kind is SourceKind.DRIVER and (first := min(times, default=None)):
            found[of] = min(first, found.get(of, first))
    return found


def scope(passage: Passage, mark: Mark, begun: Mapping[Scope, datetime]) -> Scope:
    """Tell which attempt a record is about: its file's, or the one that a daemon's line names or means."""
    source, first = passage.source, passage.lines[mark.first].text
    if source.application is None and source.kind in (SourceKind.NODE_MANAGER, SourceKind.RESOURCE_MANAGER):
        if hit := _CONTAINER.search(first):
            return (f"application_{hit['app']}", int(hit["attempt"]))
        if NODE_GONE.search(first) and mark.time:
            return _under_way(mark.time, begun)
    return (source.application, source.attempt)


def _under_way(time: datetime, begun: Mapping[Scope, datetime]) -> Scope:
    """Name the attempt that ran at a time; it may have left no log."""
    before = [(start, scope) for scope, start in begun.items() if start <= time]
    if before:
        return max(before, key=lambda row: row[0])[1]
    application, attempt = min(begun, key=lambda scope: begun[scope], default=(None, None))
    return (application, attempt - 1) if attempt and attempt > 1 else (None, None)
