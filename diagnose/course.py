"""The lines of one file in, its scan out: the one way that every line goes, or those lines that matter.

Holds together what a line says by itself (`diagnose.note`), the record it belongs to (`diagnose.record`) and
what of that is kept (`diagnose.keeper`).
"""

from collections.abc import Callable
from typing import Final

from diagnose.anchor import AnchorSearch, Interest
from diagnose.keeper import Keeper
from diagnose.layout import SourceKind
from diagnose.log import Line
from diagnose.logger import is_own
from diagnose.note import TAIL_KINDS, Notes, Patterns
from diagnose.passage import Scan
from diagnose.reason import ALL, GRADE, OWN
from diagnose.record import Grouper, Header, Record, parse_header

OWN_KINDS: Final = {SourceKind.STEP, SourceKind.DRIVER, SourceKind.OTHER, SourceKind.EXECUTOR}
MAX_OWN_LINES: Final = 50
"""Lines of one record that may be prints between two logged events."""


class Course:
    """The scan of one file while it grows: takes every line, or only those that may matter."""

    def __init__(
        self,
        *,
        scan: Scan,
        keeper: Keeper,
        notes: Notes,
        anchors: AnchorSearch,
        patterns: Patterns,
        relevant: Callable[[Record], bool] | None,
    ) -> None:
        self.scan = scan
        self.keeper = keeper
        self.notes = notes
        self.grouper = Grouper()
        self.reasons = 0
        """Of the open record's lines, all together."""
        self._anchors = anchors
        self._patterns = patterns
        self.relevant = relevant

    @property
    def seeks_own(self) -> bool:
        """Tell whether the job's own claims still matter."""
        return not self.scan.signs and self.scan.source.kind in OWN_KINDS

    def take(self, line: Line) -> None:
        """Take a line of which nothing is known."""
        self.scan.lines += 1
        self.notes.take(line, ALL)
        self.group(line, None if line.cut_left else parse_header(line.text), ALL)

    def group(self, line: Line, header: Header | None, reasons: int) -> None:
        """Add a line to the open record, or let it begin the next."""
        ended = self.grouper.add(line, header)
        if ended is not None:
            self._end(ended)
            self.reasons = reasons
        else:
            self.reasons |= reasons

    def close(self) -> None:
        """End the open record, if there is one."""
        ended = self.grouper.close()
        if ended is not None:
            self._end(ended)
            self.reasons = 0

    def finish(self) -> None:
        """Take in that the file has ended."""
        self.close()
        self.keeper.finish(self._anchors.grade, tail=self.scan.source.kind in TAIL_KINDS)

    def _end(self, record: Record) -> None:
        self.scan.first_time = self.scan.first_time or record.time
        if self.reasons & OWN and self.seeks_own:
            self._note_own_words(record)
        interest = Interest.CONTEXT
        if self.reasons & GRADE and (self.relevant is None or self.relevant(record)):
            interest = self._anchors.grade(record)
        self.keeper.add(record, interest)

    def _note_own_words(self, record: Record) -> None:
        """Look for a claimed write in what the job itself printed or logged, tracebacks aside."""
        if record.traceback:
            return
        for place, line in enumerate(record.lines[:MAX_OWN_LINES]):
            own = is_own(record.header) if place == 0 else line.text[:1] not in (" ", "\t", "")
            if own and not _is_code(line.text):
                what = self._patterns.signs.find_own(line.text)
                if what is not None:
                    self.scan.add_sign(what, line)
                    return


def _is_code(text: str) -> bool:
    """Tell a traceback's and an exception's lines from the job's own words."""
    return text[:1] in (" ", "\t") or "Exception: " in text or "Error: " in text or "Exception in " in text
