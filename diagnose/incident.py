"""A log store and what is known of the failure in, all scans of the step out: the incident.

Reads the step's own files, then the containers of its own applications (drivers before executors), then
the daemon lines about those containers. Containers of other applications are neither listed nor opened.
What is missing, cut, unreadable or left unread when the time is up becomes a gap in words.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from diagnose import layout
from diagnose.ahead import ReadAhead
from diagnose.daemon import DaemonFilter
from diagnose.deadline import NO_DEADLINE, OUT_OF_TIME, Deadline
from diagnose.failure import Failure, JobContext
from diagnose.inventory import Inventory
from diagnose.layout import Source, SourceKind
from diagnose.log import LogStore, ReadBudget, ReadReport, StreamStore, read_lines
from diagnose.scan import Scan, Scanner
from diagnose.settings import Settings
from diagnose.task import TaskBook


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """Everything read about one failure, before redaction."""

    failure: Failure
    context: JobContext
    scans: tuple[Scan, ...]
    tasks: TaskBook
    gaps: tuple[str, ...]
    step_logs_seen: bool = False
    """A file of the step's own folder was found, readable or not: its logs have begun to arrive."""
    last_written: datetime | None = None
    """When the newest file of the step's own folder was written; None where the store doesn't say."""
    read_bytes: int = 0
    """Decompressed bytes of all files together."""

    @property
    def cut_short(self) -> bool:
        """Tell whether time ran out before everything was read."""
        return any(scan.report.late for scan in self.scans) or any(OUT_OF_TIME in gap for gap in self.gaps)

    @property
    def lines(self) -> int:
        """How many log lines were read in all, controller logs aside."""
        return sum(scan.lines for scan in self.scans if scan.source.kind is not SourceKind.CONTROLLER)


def gather(
    store: LogStore,
    failure: Failure,
    context: JobContext,
    settings: Settings,
    gaps: Iterable[str] = (),
    *,
    deadline: Deadline = NO_DEADLINE,
) -> Incident:
    """Read all logs of one failed step.

    Args:
        store: where the logs are.
        failure: what is known; without a step id the last step in time is taken. Daemon logs last written
            before it began are not opened.
        context: settings of the job and its cluster.
        settings: read limits.
        gaps: what the caller could not find.
        deadline: when reading ends, whatever is still unread.

    Returns:
        The incident. Unreadable files are gaps, never exceptions.
    """
    with _opener(store) as ahead:
        reader = _Reader(store if ahead is None else ahead, settings, deadline)
        reader.gaps.extend(gaps)
        inventory = Inventory(store, reader.gaps, deadline)
        chosen = reader.read(inventory, failure, fetches=settings.yarn_log_fetch_enabled)
        return reader.incident(chosen, context)


def _opener(store: LogStore) -> AbstractContextManager[ReadAhead | None]:
    """Open ahead what can be opened at all times; a stream that is read once is read when its turn comes."""
    return nullcontext() if isinstance(store, StreamStore) else ReadAhead(store)


class _Reader:
    """Opens files within one read budget and remembers what it got."""

    def __init__(self, store: LogStore, settings: Settings, deadline: Deadline) -> None:
        self._store = store
        self._limit_bytes = settings.max_read_bytes
        self._budget = ReadBudget(settings.max_read_bytes, deadline)
        self._step_logs_seen = False
        self._last_written: datetime | None = None
        self.scanner = Scanner(context_lines=settings.log_context_lines)
        self.scans: list[Scan] = []
        self.gaps: list[str] = []

    def read(self, inventory: Inventory, failure: Failure, *, fetches: bool) -> Failure:
        whole = inventory.whole
        if whole == ():
            self.gaps.append("there is no log file at all")
        if whole is not None and len(whole) == 1:
            self._read_all(whole)
            self._step_logs_seen = whole[0].step is not None and whole[0].step == failure.step_id
            self.gaps.append("a single log was given; what the step's other logs say is not known")
            return failure
        chosen = self.read_step(inventory, failure)
        wanted = self.applications(inventory, chosen)
        if fetches:
            self.read_containers(inventory, wanted)
            self.read_daemons(inventory, wanted, failure.started_at)
        elif wanted:
            self.gaps.append("container logs were not read: YARN_LOG_FETCH_ENABLED is off")
        self._read_all(sorted(inventory.loose(), key=lambda source: source.file.split("/")))
        return chosen

    def read_step(self, inventory: Inventory, failure: Failure) -> Failure:
        step = failure.step_id or None
        found = inventory.steps(step)
        steps = layout.steps(found)
        if step is None and steps:
            step = self._last_step(inventory, found, steps)
        files = layout.step_sources(found, step)
        self._step_logs_seen = bool(files)
        self._last_written = max(filter(None, map(inventory.modified, files)), default=None)
        self._read_all(files)
        if not files and inventory.in_layout:
            self.gaps.append(f"the step's own logs are missing (steps/{step or '<step>'}/)")
        elif files and not any(s.stream == "stderr" for s in files):
            self.gaps.append("the step's standard error is missing")
        return replace(failure, step_id=step or "")

    def _last_step(self, inventory: Inventory, sources: Sequence[Source], steps: Sequence[str]) -> str:
        """Choose the step whose controller or standard error names the latest time."""
        if len(steps) == 1:
            return steps[0]
        likely = _newest(inventory, sources, steps)
        latest: dict[str, float] = {}
        files = [s for s in sources if s.step in likely and s.stream in ("controller", "stderr")]
        self._expect(files)
        for source in files:
            budget = ReadBudget(_PEEK_BYTES, self._budget.deadline)
            scan = self._scan(source, Scanner(context_lines=0), budget)
            moment = scan.first_time.timestamp() if scan.first_time else 0.0
            latest[source.step or ""] = max(latest.get(source.step or "", 0.0), moment)
        chosen = max(likely, key=lambda s: (latest.get(s, 0.0), s))
        self.gaps.append(f"{len(steps)} steps have logs; {chosen}, the last in time, was taken")
        return chosen

    def applications(self, inventory: Inventory, failure: Failure) -> tuple[str, ...]:
        """Name the YARN applications of the step, the surest knowledge first."""
        strong = {app for scan in self.scans for app in scan.strong_apps}
        weak = {app for scan in self.scans for app in scan.weak_apps}
        named = set(failure.applications) | strong or weak
        if not named and not any(scan.lines for scan in self.scans):
            named = self._present(inventory, failure)
        return tuple(sorted(named, key=layout.application_order))

    def _present(self, inventory: Inventory, failure: Failure) -> set[str]:
        """Take the newest application that is there, where it can be nobody else's."""
        present = inventory.applications()
        if not present:
            return set()
        alone = len(present) == 1 and len(inventory.step_ids()) <= 1
        if not alone and failure.step_id:
            return set()
        if len(present) > 1:
            self.gaps.append(f"no log names the step's application; {present[-1]}, the newest, was taken")
        return {present[-1]}

    def read_containers(self, inventory: Inventory, wanted: Sequence[str]) -> None:
        files = layout.container_sources(inventory.containers(wanted), wanted)
        self._read_all(files)
        named = {attempt for scan in self.scans for attempt in scan.attempts}
        for app in wanted:
            last = max((number for name, number in named if name == app), default=0)
            self.gaps.extend(_container_gaps(app, [s for s in files if s.application == app], last))

    def read_daemons(self, inventory: Inventory, wanted: Sequence[str], since: datetime | None) -> None:
        passages = (passage for scan in self.scans for passage in scan.passages)
        self._read_all(inventory.daemons(since), DaemonFilter(wanted, passages))

    def incident(self, failure: Failure, context: JobContext) -> Incident:
        if dropped := _shrink(self.scans):
            self.gaps.append(f"{dropped} less telling passages of all files together were left out")
        return Incident(
            failure=failure,
            context=context,
            scans=tuple(self.scans),
            tasks=self.scanner.tasks,
            gaps=tuple(dict.fromkeys(self.gaps)),
            step_logs_seen=self._step_logs_seen,
            last_written=self._last_written,
            read_bytes=self._limit_bytes - self._budget.left_bytes,
        )

    def _expect(self, files: Sequence[Source]) -> None:
        if isinstance(self._store, ReadAhead):
            self._store.expect(source.file for source in files)

    def _read_all(self, files: Sequence[Source], relevant: DaemonFilter | None = None) -> None:
        self._expect(files)
        for source in files:
            self._read(source, relevant)

    def _read(self, source: Source, relevant: DaemonFilter | None = None) -> None:
        late = self._budget.deadline.near
        if late or self._budget.left_bytes <= 0:
            report = ReadReport(capped=not late, late=late)
            self.scans.append(Scan(source=source, report=report))
        else:
            scan = self._scan(source, self.scanner, self._budget, relevant)
            report = scan.report
            self.scans.append(scan)
            if scan.dropped:
                self.gaps.append(f"{source.file}: {scan.dropped} less telling passages were left out")
        if not report.whole:
            self.gaps.append(f"{source.file}: {_reason(report)}")

    def _scan(
        self,
        source: Source,
        scanner: Scanner,
        budget: ReadBudget,
        relevant: DaemonFilter | None = None,
    ) -> Scan:
        report = ReadReport()
        try:
            with self._store.open(source.file) as stream:
                hear = relevant.hear if relevant else None
                lines = read_lines(stream, budget=budget, report=report, hear=hear)
                return scanner.scan(source, lines, report, relevant=relevant)
        except OSError as error:
            report.error = error.strerror or type(error).__name__
            return Scan(source=source, report=report)


_PEEK_BYTES: Final = 64 * 1024
_MAX_PEEKED_STEPS: Final = 50
"""Of more steps than these only those last written are opened to find the last one."""


def _newest(inventory: Inventory, sources: Sequence[Source], steps: Sequence[str]) -> Sequence[str]:
    written = dict.fromkeys(steps, 0.0)
    for source in sources:
        if source.step:
            moment = inventory.modified(source)
            written[source.step] = max(written[source.step], moment.timestamp() if moment else 0.0)
    if len(steps) <= _MAX_PEEKED_STEPS or not any(written.values()):
        return steps
    return sorted(steps, key=lambda step: (written[step], step))[-_MAX_PEEKED_STEPS:]


MAX_KEPT_CHARS: Final = 1 << 20
"""Of all passages together, thirty-two excerpts: what is kept must be redacted while somebody waits."""


def _shrink(scans: Sequence[Scan]) -> int:
    """Drop the least promising passages, of the longest scans first, until all fit; tells how many."""
    size = sum(passage.size for scan in scans for passage in scan.passages)
    if size <= MAX_KEPT_CHARS:
        return 0
    every = ((i, j, p) for i, scan in enumerate(scans) for j, p in enumerate(scan.passages))
    gone: set[tuple[int, int]] = set()
    for _, less, i, j in sorted((p.interest, -p.size, i, j) for i, j, p in every):
        if size <= MAX_KEPT_CHARS:
            break
        size += less
        gone.add((i, j))
    for i, scan in enumerate(scans):
        scan.passages[:] = [p for j, p in enumerate(scan.passages) if (i, j) not in gone]
    return len(gone)


def _reason(report: ReadReport) -> str:
    if report.error:
        return f"could not be read ({report.error})"
    if report.binary:
        return "is not text and was not used"
    if report.late:
        return f"was not read to its end: {OUT_OF_TIME}"
    if report.capped:
        return "was not read to its end: MAX_READ_BYTES of the step were used up"
    return "is truncated; only its readable beginning was used"


def _container_gaps(app: str, files: Sequence[Source], last_attempt: int) -> Iterable[str]:
    if not files:
        yield f"the container logs of {app} are missing"
        return
    masters = [s for s in files if s.kind is SourceKind.DRIVER]
    if not any(s.stream == "stderr" for s in masters):
        yield f"the application master's standard error of {app} is missing"
    attempts = {s.attempt for s in files if s.attempt}
    known = {s.attempt for s in masters if s.stream == "stderr"}
    for attempt in range(1, max(last_attempt, *attempts, 0) + 1):
        if attempt not in known:
            yield f"the application master's logs of attempt {attempt} of {app} are missing"
