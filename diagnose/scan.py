"""One log file in, the passages worth looking at out, with what every byte of it said.

A passage is a run of consecutive lines: records with an anchor, whole, and lines of context around them.
Write signs and task events are noted from every line read. Large files are swept (`diagnose.sweep`): lines in
which nothing can be found are counted and never decoded. The scan is the same.
"""

from collections.abc import Callable, Iterable

from diagnose import sieve
from diagnose.anchor import AnchorSearch
from diagnose.course import Course
from diagnose.keeper import MAX_SCAN_BYTES, TAIL_LINES, Keeper
from diagnose.layout import Source
from diagnose.log import Line, Lines, ReadReport
from diagnose.note import Notes, Patterns
from diagnose.passage import Mark, Passage, Scan
from diagnose.record import Record
from diagnose.sweep import Sweep
from diagnose.task import TaskBook

__all__ = ["MAX_SCAN_BYTES", "TAIL_LINES", "Mark", "Passage", "Scan", "Scanner"]


class Scanner:
    """Reads files into scans; holds the compiled patterns and the tasks of all files read.

    Args:
        context_lines: kept before and after each record of interest.
        sweeps: let large files be swept where hyperscan is installed.
    """

    def __init__(self, *, context_lines: int = 10, sweeps: bool = True) -> None:
        self._anchors = AnchorSearch()
        self._patterns = Patterns()
        self._context = context_lines
        self._sweeps = sweeps
        self.tasks = TaskBook()

    def scan(
        self,
        source: Source,
        lines: Iterable[Line],
        report: ReadReport,
        *,
        relevant: Callable[[Record], bool] | None = None,
    ) -> Scan:
        """Read one file.

        Args:
            source: what the file is.
            lines: its lines, read once.
            report: how reading went; kept in the scan.
            relevant: false for records that belong to somebody else (daemon logs name all applications);
                None where all belong to the step.

        Returns:
            The scan; complete when this returns.
        """
        scan = Scan(source=source, report=report)
        keeper = Keeper(scan, self._context)
        notes = Notes(scan, self._patterns, self.tasks)
        course = Course(
            scan=scan,
            keeper=keeper,
            notes=notes,
            anchors=self._anchors,
            patterns=self._patterns,
            relevant=relevant,
        )
        loaded = sieve.load() if self._sweeps and isinstance(lines, Lines) else None
        if loaded is not None and isinstance(lines, Lines):
            Sweep(course, self.tasks, loaded).run(lines)
        else:
            for line in lines:
                course.take(line)
        course.finish()
        return scan
