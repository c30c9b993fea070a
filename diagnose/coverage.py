"""What the logs that were read can show about writes: were the driver's logs whole, and did they say?

A rerun is safe only when the absence of write signs means something: the driver logged at INFO, from its
start to its end, and every byte was read. Pure; works on scans.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diagnose.incident import Incident
from diagnose.layout import SourceKind
from diagnose.scan import Scan


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whether silence about writes can be believed, and if not, why."""

    whole: bool
    reason: str


def cover(incident: Incident, *, fetched: bool) -> Coverage:
    """Judge the driver's logs of an incident.

    Args:
        incident: the scans.
        fetched: false when container logs were not to be read.

    Returns:
        Whole, or the first reason why not.
    """
    reasons = _reasons(incident, fetched=fetched)
    first = next(iter(reasons), "")
    return Coverage(whole=not first, reason=first)


def _reasons(incident: Incident, *, fetched: bool) -> Iterable[str]:
    if not fetched:
        yield "container logs were not read"
    if len(incident.scans) <= 1:
        yield "a single log does not show the whole run"
    yield from (
        f"{scan.source.file} was not read whole"
        for scan in incident.scans
        if scan.source.kind
        not in (SourceKind.NODE_MANAGER, SourceKind.RESOURCE_MANAGER, SourceKind.CONTROLLER)
        and not scan.report.whole
    )
    if not any(scan.source.kind in (SourceKind.DRIVER, SourceKind.STEP) for scan in incident.scans):
        yield "neither the step's nor the driver's log was read as such"
    yield from (gap for gap in incident.gaps if "missing" in gap)
    masters = [
        s for s in incident.scans if s.source.kind is SourceKind.DRIVER and s.source.stream == "stderr"
    ]
    step = [s for s in incident.scans if s.source.kind is SourceKind.STEP and s.source.stream == "stderr"]
    yield from _process_reasons("the application master's log", masters)
    if not masters or not any(s.spark_starts for s in masters):
        yield from _process_reasons("the step's log", step)


def _process_reasons(what: str, scans: Sequence[Scan]) -> Iterable[str]:
    for scan in scans:
        if scan.spark_starts > 1:
            yield f"{what} holds several Spark applications"
        if not scan.info_seen:
            yield f"{what} has no INFO lines, so commits would not have been logged"
        elif not scan.ended:
            yield f"{what} ends before its process did"
        elif scan.report.open_end:
            yield f"{what} breaks off in the middle of a line"
        elif _ends_in_trace(scan):
            yield f"{what} breaks off inside a stack trace"


def _ends_in_trace(scan: Scan) -> bool:
    """Tell whether a log's very last line is a stack frame: every process logs its shutdown after one."""
    last = scan.passages[-1].lines[-1] if scan.passages else None
    return last is not None and last.number == scan.lines and last.text.startswith("\tat")
