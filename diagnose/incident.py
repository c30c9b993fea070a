"""A log store and what is known of the failure in, all scans of the step out: the incident.

Reads the step's own files, then the containers of its own applications (drivers before executors), then
the daemon lines about those containers. Containers of other applications are not opened. What is missing,
cut or unreadable becomes a gap in words.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from diagnose import layout
from diagnose.failure import Failure, JobContext
from diagnose.layout import Source, SourceKind
from diagnose.log import LogStore, ReadBudget, ReadReport, read_lines
from diagnose.record import Level, Record
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

    @property
    def lines(self) -> int:
        """How many log lines were read in all, controller logs aside."""
        return sum(scan.lines for scan in self.scans if scan.source.kind is not SourceKind.CONTROLLER)


def gather(
    store: LogStore, failure: Failure, context: JobContext, settings: Settings, gaps: Iterable[str] = ()
) -> Incident:
    """Read all logs of one failed step.

    Args:
        store: where the logs are.
        failure: what is known; without a step id the last step in time is taken.
        context: settings of the job and its cluster.
        settings: read limits.
        gaps: what the caller could not find.

    Returns:
        The incident. Unreadable files are gaps, never exceptions.
    """
    reader = _Reader(store, settings)
    reader.gaps.extend(gaps)
    sources = reader.sources()
    if not sources:
        reader.gaps.append("there is no log file at all")
    if len(sources) == 1:
        reader.read_loose(sources)
        reader.gaps.append("a single log was given; what the step's other logs say is not known")
        return reader.incident(failure, context)
    chosen = reader.read_step(sources, failure)
    wanted = reader.applications(sources, chosen)
    if settings.yarn_log_fetch_enabled:
        reader.read_containers(sources, wanted)
        reader.read_daemons(sources, wanted)
    elif wanted:
        reader.gaps.append("container logs were not read: YARN_LOG_FETCH_ENABLED is off")
    loose = [s for s in sources if s.kind is SourceKind.OTHER and not _is_aside(s.file)]
    if not any(s.kind is not SourceKind.OTHER for s in sources):
        reader.read_loose(loose)
    return reader.incident(chosen, context)


class _Reader:
    """Opens files within one read budget and remembers what it got."""

    def __init__(self, store: LogStore, settings: Settings) -> None:
        self._store = store
        self._budget = ReadBudget(settings.max_read_bytes)
        self.scanner = Scanner(context_lines=settings.log_context_lines)
        self.scans: list[Scan] = []
        self.gaps: list[str] = []

    def sources(self) -> tuple[Source, ...]:
        try:
            return tuple(layout.classify(file.name) for file in self._store.list())
        except OSError as error:
            self.gaps.append(f"the logs could not be listed ({error.strerror or type(error).__name__})")
            return ()

    def read_step(self, sources: Sequence[Source], failure: Failure) -> Failure:
        steps = layout.steps(sources)
        step = failure.step_id or None
        if step is None and steps:
            step = self._last_step(sources, steps)
        files = layout.step_sources(sources, step)
        for source in files:
            self._read(source)
        in_layout = any(layout.in_layout(s.file) for s in sources)
        if in_layout and not files:
            self.gaps.append(f"the step's own logs are missing (steps/{step or '<step>'}/)")
        elif files and not any(s.stream == "stderr" for s in files):
            self.gaps.append("the step's standard error is missing")
        return _with_step(failure, step or "")

    def _last_step(self, sources: Sequence[Source], steps: Sequence[str]) -> str:
        """Choose the step whose controller or standard error names the latest time."""
        if len(steps) == 1:
            return steps[0]
        latest: dict[str, float] = {}
        for source in sources:
            if source.step and source.stream in ("controller", "stderr"):
                scan = self._scan(source, Scanner(context_lines=0), ReadBudget(_PEEK_BYTES))
                moment = scan.first_time.timestamp() if scan.first_time else 0.0
                latest[source.step] = max(latest.get(source.step, 0.0), moment)
        chosen = max(steps, key=lambda s: (latest.get(s, 0.0), s))
        self.gaps.append(f"{len(steps)} steps have logs; {chosen}, the last in time, was taken")
        return chosen

    def applications(self, sources: Sequence[Source], failure: Failure) -> tuple[str, ...]:
        """Name the YARN applications of the step, the surest knowledge first."""
        strong = {app for scan in self.scans for app in scan.strong_apps}
        weak = {app for scan in self.scans for app in scan.weak_apps}
        named = set(failure.applications) | (strong if not failure.applications else set()) or weak
        present = layout.applications(sources)
        alone = len(present) == 1 and len(layout.steps(sources)) <= 1
        silent = not any(scan.lines for scan in self.scans)
        if not named and present and silent and (alone or not failure.step_id):
            named = {present[-1]}
            if len(present) > 1:
                self.gaps.append(f"no log names the step's application; {present[-1]}, the newest, was taken")
        return tuple(sorted(named, key=layout.application_order))

    def read_containers(self, sources: Sequence[Source], wanted: Sequence[str]) -> None:
        files = layout.container_sources(sources, wanted)
        for source in files:
            self._read(source)
        named = {attempt for scan in self.scans for attempt in scan.attempts}
        for app in wanted:
            last = max((number for name, number in named if name == app), default=0)
            self.gaps.extend(_container_gaps(app, [s for s in files if s.application == app], last))

    def read_daemons(self, sources: Sequence[Source], wanted: Sequence[str]) -> None:
        relevant = DaemonFilter(wanted)
        for source in layout.daemon_sources(sources):
            self._read(source, relevant)

    def read_loose(self, files: Sequence[Source]) -> None:
        for source in files:
            self._read(source)

    def incident(self, failure: Failure, context: JobContext) -> Incident:
        return Incident(
            failure=failure,
            context=context,
            scans=tuple(self.scans),
            tasks=self.scanner.tasks,
            gaps=tuple(dict.fromkeys(self.gaps)),
        )

    def _read(self, source: Source, relevant: "DaemonFilter | None" = None) -> None:
        if self._budget.left_bytes <= 0:
            report = ReadReport(capped=True)
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
        relevant: "DaemonFilter | None" = None,
    ) -> Scan:
        report = ReadReport()
        try:
            with self._store.open(source.file) as stream:
                lines = read_lines(stream, budget=budget, report=report)
                return scanner.scan(source, lines, report, relevant=relevant or _everything)
        except OSError as error:
            report.error = error.strerror or type(error).__name__
            return Scan(source=source, report=report)


_PEEK_BYTES: Final = 64 * 1024


def _everything(_: Record) -> bool:
    return True


def _with_step(failure: Failure, step: str) -> Failure:
    return replace(failure, step_id=step)


def _reason(report: ReadReport) -> str:
    if report.error:
        return f"could not be read ({report.error})"
    if report.binary:
        return "is not text and was not used"
    if report.capped:
        return "was not read to its end: MAX_READ_BYTES of the step were used up"
    return "is truncated; only its readable beginning was used"


def _is_aside(name: str) -> bool:
    return layout.in_layout(name) or name.rsplit("/", 1)[-1] in ("meta.json", "label.json")


def _container_gaps(app: str, files: Sequence[Source], last_attempt: int) -> Iterable[str]:
    if not files:
        yield f"the container logs of {app} are missing"
        return
    masters = [s for s in files if s.kind is SourceKind.DRIVER]
    if not any(s.stream == "stderr" for s in masters):
        yield f"the application master's standard error of {app} is missing"
    attempts = {s.attempt for s in files if s.attempt}
    known = {s.attempt for s in masters}
    for attempt in range(1, max(last_attempt, *attempts, 0) + 1):
        if attempt not in known:
            yield f"the application master's logs of attempt {attempt} of {app} are missing"


class DaemonFilter:
    """Tells which daemon records matter: those about the step's containers, and a node in trouble."""

    _NODE_TROUBLE: Final = re.compile(
        r"unhealthy|local-dirs|log-dirs|bad local|No space left|used space above threshold|OutOfMemory|"
        r"[Dd]ecommission|LOST|Deactivating Node|[Ss]afe ?mode|Spot"
    )
    _ANY_APP: Final = re.compile(r"(?:application|container|appattempt)_(?:e\d+_)?(?P<id>\d+_\d+)")

    def __init__(self, applications: Iterable[str]) -> None:
        self._ids = frozenset(app.removeprefix("application_") for app in applications)

    def __call__(self, record: Record) -> bool:
        """Tell whether a record is about this step or about the node itself."""
        text = "\n".join(line.text for line in record.lines[:5])
        named = {hit["id"] for hit in self._ANY_APP.finditer(text)}
        if named:
            return bool(named & self._ids)
        return record.level >= Level.WARN and self._NODE_TROUBLE.search(text) is not None
