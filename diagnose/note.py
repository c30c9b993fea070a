"""Lines of one file in, what each says by itself out: secrets' witnesses, signs, tasks, applications, states.

Which record a line belongs to doesn't matter here, nor which lines stand around it, but for the line behind
one that may name a secret. Write signs and task events are noted from every line read.
"""

import re
from typing import Final

import re2

from diagnose.layout import SourceKind, mentioned
from diagnose.log import Line
from diagnose.passage import Scan
from diagnose.reason import APPLICATION, ATTEMPT, SECRET, SETTING, SIGN, STATE, TASK
from diagnose.sign import SignSearch
from diagnose.statement import stated, states
from diagnose.task import Scope, TaskBook

MAX_SIGNS: Final = 20
TAIL_KINDS: Final = {SourceKind.STEP, SourceKind.DRIVER, SourceKind.OTHER, SourceKind.CONTROLLER}
"""Whose output tells of tasks, and whose last lines are kept."""
NAMING_KINDS: Final = {SourceKind.STEP, SourceKind.OTHER}
"""Whose output names the step's applications."""
ATTEMPT_KINDS: Final = set(SourceKind) - {SourceKind.NODE_MANAGER, SourceKind.RESOURCE_MANAGER}
"""Whose output tells which attempts an application had; daemons name those of everybody."""
MAX_WITNESS_CHARS: Final = 64 * 1024
MAX_STATEMENT_CHARS: Final = 16 * 1024
"""Of the lines that state settings; a dump of Spark's configuration has 5 KB."""
MAX_STATEMENT_LINES: Final = 20_000
"""Of a file, the first: a driver tells what it works with when it begins."""
SENSITIVE: Final = (
    r"(?i)passw|pwd|secret|token|api.?key|access.?key|private.?key|credential|authorization|signature|"
    r"\b(?:DB_)?PW\b|://[^/\s]*:[^/\s]*@|AKIA|ASIA"
)
"""Words of lines that may hold a secret; wide, for what they pick is only learned from."""
ENDINGS: Final = (
    "ShutdownHookManager: Shutdown hook called",
    "ShutdownHookManager - Shutdown hook called",
    "ApplicationMaster - Unregistering ApplicationMaster",
    "ApplicationMaster: Unregistering ApplicationMaster",
    "Driver commanded a shutdown",
    "Step failed with exitCode",
    "waitProcessCompletion ended",
)
SPARK_START: Final = "Running Spark version"
ATTEMPT_ID: Final = re.compile(r"appattempt_([0-9]+_[0-9]+)_([0-9]{6})")


class Patterns:
    """Compiled once for all files: what a single line is searched for."""

    def __init__(self) -> None:
        self.signs = SignSearch()
        self.sensitive = re2.compile(SENSITIVE)


class Notes:
    """Takes the lines of one file into its scan, and their tasks into the book of all files."""

    def __init__(self, scan: Scan, patterns: Patterns, tasks: TaskBook) -> None:
        self._scan = scan
        self._patterns = patterns
        self._tasks = tasks
        source = scan.source
        self.scope: Scope = (source.application, source.attempt)
        self.takes_tasks = source.kind in TAIL_KINDS
        self.takes_applications = source.kind in NAMING_KINDS
        self.takes_attempts = source.kind in ATTEMPT_KINDS
        self.witness = Witness(scan)
        self._stated: set[tuple[str, str]] = set()
        self._left_chars = MAX_STATEMENT_CHARS if self.takes_tasks else 0

    def takes_settings(self, number: int) -> bool:
        """Tell whether from the line of this number on lines that state settings may still be kept."""
        return self._left_chars > 0 and number <= MAX_STATEMENT_LINES

    def take(self, line: Line, reasons: int) -> None:
        """Take one line.

        Args:
            line: the line.
            reasons: what may be found in it.
        """
        text = line.text
        if reasons & SECRET:
            self.witness.note(text, hit=self._patterns.sensitive.search(text) is not None)
        if reasons & SIGN and not text.startswith("\tat "):
            self._note_sign(line)
        if reasons & TASK and self.takes_tasks:
            self._tasks.note(self.scope, text)
        if reasons & SETTING and self.takes_settings(line.number) and states(text):
            self._note_setting(line)
        if reasons & APPLICATION and self.takes_applications:
            _note_applications(self._scan, text)
        if reasons & ATTEMPT and self.takes_attempts and "appattempt_" in text:
            found = ATTEMPT_ID.findall(text)
            self._scan.attempts.update((f"application_{app}", int(number)) for app, number in found)
        if reasons & STATE:
            _note_state(self._scan, text)

    def _note_sign(self, line: Line) -> None:
        scan = self._scan
        what = self._patterns.signs.find(line.text) if len(scan.signs) < MAX_SIGNS else None
        if what is not None:
            scan.add_sign(what, line)

    def _note_setting(self, line: Line) -> None:
        """Keep a line that states what none before it did; of the same setting each value once."""
        fresh = set(stated(line.text).items()) - self._stated
        if fresh and not line.cut_left and not line.cut_right:
            self._stated |= fresh
            self._left_chars -= len(line.text)
            self._scan.statements.append(line)


class Witness:
    """Keeps lines that may name a secret, each with the line after it, within a bound."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._left = MAX_WITNESS_CHARS
        self.pending = False
        """The next line is kept as well."""

    @property
    def full(self) -> bool:
        """Tell whether nothing more is kept."""
        return self._left <= 0

    def note(self, text: str, *, hit: bool) -> None:
        """Take one line; `hit`: it may name a secret."""
        if (hit or self.pending) and self._left > 0:
            self._scan.witnesses.append(text)
            self._left -= len(text)
        self.pending = hit


def _note_applications(scan: Scan, text: str) -> None:
    if "_" in text and ("application_" in text or "job_" in text):
        strong, weak = mentioned(text)
        if strong:
            scan.strong_apps.add(strong)
        if weak:
            scan.weak_apps.add(weak)


def _note_state(scan: Scan, text: str) -> None:
    if not scan.info_seen and shows_info(text):
        scan.info_seen = True
    if SPARK_START in text:
        scan.spark_starts += 1
    if not scan.ended and any(ending in text for ending in ENDINGS):
        scan.ended = True


def shows_info(text: str) -> bool:
    """Tell whether a line was logged as INFO."""
    return " INFO " in text[:60]
