"""A chunk of log text in, the lines that could matter out, each with the reasons to look at it.

The patterns of `anchor`, `sign`, `note` and `task` run as one automaton over the whole chunk (hyperscan, or
its twin Vectorscan), which finds every line that they could match and some that they don't: gaps of bounded
length count as unbounded, and of some patterns only the telling part is looked for. What a line really says
is told by the patterns themselves.
Hyperscan is optional: without it `load` gives None and every line is looked at.
Limits: a sieve belongs to one thread; building one takes about a quarter of a second.
"""

import re
from collections.abc import Iterable, Sequence
from threading import local
from typing import Any, Final, NamedTuple

from diagnose.anchor import FATAL, HINT
from diagnose.chunk import HEADER_START
from diagnose.keeper import SHUTDOWN
from diagnose.note import ENDINGS, SENSITIVE, SPARK_START
from diagnose.reason import (
    APPLICATION,
    ATTEMPT,
    BARE,
    DIRE,
    GRADE,
    HEADER,
    OWN,
    PLACES,
    SECRET,
    SETTING,
    SIGN,
    STATE,
    STOP,
    TASK,
)
from diagnose.sign import OWN_WORDS, PLATFORM_PHRASES, SIGNS, WRITER_CALLS
from diagnose.statement import STATEMENT

PLACE_BITS: Final = 4
"""A hit is `(end << PLACE_BITS) | place of the reason's bit`."""
PLACE_MASK: Final = (1 << PLACE_BITS) - 1
_ATTEMPT_PLACE: Final = ATTEMPT.bit_length() - 1
_GAP: Final = re.compile(r"(?<!\\)\.\{0,\d+\}")
_MARKS: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()|]")
_LEVELS: Final = r"(?:WARN|ERROR|SEVERE|FATAL|CRITICAL)(?:ING)?[\]\s:|\"-]"
_BARE: Final = (r"^Traceback \(most recent call last\):", r"^Exception in thread \"")
_TASKS: Final = (
    "Lost task ", "Exception in task ", r"failed \d+ times", "had a not serializable", "Aborting ",
    "aborting", "has failed the maximum allowable", "serialized results",
)  # fmt: skip
_FOLDED: Final = r"\xc5\xbf|\xe2\x84\xaa"
"""U+017F and U+212A: RE2 takes them for an s and a k where case doesn't count."""
_SUSPECT: Final = r"[\x00-\x08\x0b-\x1f\x7f-\xff]"
_UNCLEAN: Final = (
    r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]|\r\n|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]|"
    r"\xef\xbb\xbf"
)
"""What `diagnose.text.decoded` takes out of a line."""
WARM_BYTES: Final = 512 * 1024
"""Read line by line in the time that it takes to build an automaton."""
SECOND_BYTES: Final = 256 * 1024 * 1024
"""Searched for more than was asked in the time that it takes to build another automaton."""
MAX_TASKS: Final = 500
"""Lost tasks that are looked for one by one; of more, every finished task is looked at."""

Rows = Sequence[tuple[str, int]]


def _lines(pattern: str) -> str:
    """Widen a pattern: what is between its parts may be of any length, but on one line."""
    widened = pattern.replace(".{0,20}" + WRITER_CALLS, "").replace(WRITER_CALLS, "")
    widened = _GAP.sub(".*", widened).replace("[^ ]", r"[^ \n]")
    return widened.replace(r"Job \S+ completed", "completed")


def rows() -> Rows:
    """Give every pattern that may be searched for in each line, with the reasons that it stands for."""
    return [*_main(), *_own()]


def _main() -> Rows:
    rows = [(_lines(pattern), GRADE) for pattern in HINT]
    rows += [(_lines(pattern), GRADE | DIRE) for pattern in (*FATAL, _LEVELS)]
    rows += [(pattern, BARE | GRADE | DIRE) for pattern in _BARE]
    rows += [(re.escape(words), STOP) for words in SHUTDOWN]
    rows += [(_lines(row.pattern), SIGN) for row in SIGNS]
    rows += [(pattern, TASK) for pattern in _TASKS]
    rows += [(re.escape(words), STATE) for words in (*ENDINGS, SPARK_START)]
    rows += [(r"appattempt_\d+_\d+_\d{6}", ATTEMPT), (SENSITIVE, SECRET)]
    rows += [(_FOLDED, GRADE | DIRE | SIGN | OWN | SECRET)]
    return rows


def _own() -> Rows:
    """Widen the job's own claims as their denials do that are cut out of the line before the search.

    A denial leaves a blank, so a blank between two marks counts as any text; words that Spark prints in every
    other line count only where they are not in Spark's own phrase.
    """
    pattern = _lines(OWN_WORDS.pattern).replace(r"\bstatus[ =:]+20\d", r"\bstatus[ =:].*20\d")
    pattern = pattern.replace(r"^(?:upload|copy|delete|move): \S+", "^(?:upload|copy|delete|move):")
    heads: dict[str, list[str]] = {}
    for phrase in PLATFORM_PHRASES:
        heads.setdefault(re.split(r"\W", phrase)[0], []).append(phrase)
    for head in heads:
        pattern = pattern.replace(f"|{head}|", "|")
    rows = [(pattern, OWN)]
    rows += [
        (rf"(?i)\b{head}(?:{_leaving([p[len(head) :] for p in rest])})", OWN) for head, rest in heads.items()
    ]
    loose = (
        "packages stored in",
        "artifacts copied",
        "already retrieved",
        "committed offset",
        "committed ?= ?false",
    )
    return [*rows, *((f"(?i){words}", OWN) for words in loose)]


def _leaving(endings: Iterable[str], *, first: bool = True) -> str:
    """Give a pattern of what follows a word when none of some endings does; each ends at a word's end."""
    heads: dict[str, list[str]] = {}
    for ending in endings:
        heads.setdefault(ending[:1], []).append(ending[1:])
    if "" in heads:
        return r"\w"
    stop = "".join(re.escape(head) for head in heads)
    parts = [rf"[^{stop}\w]" if first else f"[^{stop}]"]
    parts += [f"{re.escape(head)}(?:{_leaving(rest, first=False)})" for head, rest in heads.items()]
    return "|".join(parts)


def alternatives(pattern: str) -> Iterable[str]:
    """Split a pattern at its outermost bars: many small patterns make a faster automaton than one large."""
    flag = "(?i)" if pattern.startswith("(?i)") else ""
    depth, start = 0, len(flag)
    for hit in _MARKS.finditer(pattern, start):
        depth += {"(": 1, ")": -1}.get(hit[0], 0)
        if hit[0] == "|" and depth == 0:
            yield flag + pattern[start : hit.start()]
            start = hit.end()
    yield flag + pattern[start:]


class Hits(NamedTuple):
    """What a search found."""

    lines: Sequence[int]
    """In order, see `PLACE_BITS`; each ends in the line that it is about."""
    names_attempt: bool
    """Some line names an application attempt; some logs do in every line, so they are not told one by one."""


class Sieve:
    """Holds the automata; each is built when it is first needed.

    Args:
        engine: the module `hyperscan`.
    """

    def __init__(self, engine: Any) -> None:  # noqa: ANN401 - hyperscan ships no types for its module
        self._engine = engine
        self._built: dict[str, Any] = {}
        self._tasks: set[int] = set()
        self._seen_bytes = 0
        self._wasted_bytes = 0

    def pays(self, size_bytes: int) -> bool:
        """Tell whether so many bytes more are worth a search: once the automaton is there, or would pay."""
        self._seen_bytes += size_bytes
        return bool(self._built.keys() & {"own", "main"}) or self._seen_bytes > WARM_BYTES

    def search(self, data: bytes, *, own: bool, headers: bool, applications: bool, settings: bool) -> Hits:
        """Find what could matter in whole lines.

        Args:
            data: clean text; each line ends with a line feed.
            own: claims of the job itself count.
            headers: headers of lines count.
            applications: ids of applications count.
            settings: values of settings count.

        Returns:
            What was found.
        """
        lines: list[int] = []
        add = lines.append

        def note(place: int, _start: int, end: int, _flags: int, _context: object) -> None:
            add(end << PLACE_BITS | place)

        self._run("own" if own or self._makes_do(len(data)) else "main", data, note)
        if headers:
            self._run("header", data, note)
        if applications:
            self._run("application", data, note)
        if settings:
            self._run("setting", data, note)
        found = [hit for hit in lines if hit & PLACE_MASK != _ATTEMPT_PLACE]
        found.sort()
        return Hits(found, len(found) < len(lines))

    def _makes_do(self, size_bytes: int) -> bool:
        """Tell whether to search for claims nobody asked for: a second automaton pays later than that."""
        if "main" in self._built or "own" not in self._built:
            return False
        self._wasted_bytes += size_bytes
        return self._wasted_bytes < SECOND_BYTES

    def finished(self, data: bytes, tasks: Iterable[int]) -> list[int]:
        """Find where tasks of some indices are called finished, and maybe others.

        Args:
            data: as for `search`.
            tasks: the indices; what was wanted may still be found, so that few automata have to be built.

        Returns:
            Places in the lines, in order.
        """
        wanted = set(tasks)
        if not wanted <= self._tasks or len(self._tasks) > 2 * len(wanted) + 8:
            self._built.pop("finished", None)
            self._tasks = wanted
        ends: list[int] = []
        self._run("finished", data, lambda _place, _start, end, _flags, _context: ends.append(end))
        return sorted(ends)

    def is_clean(self, data: bytes) -> bool:
        """Tell whether `diagnose.text.decoded` would take nothing out of any line."""
        return not self._any("suspect", data) or not self._any("unclean", data)

    def _any(self, name: str, data: bytes) -> bool:
        found: list[int] = []

        def stop(_place: int, _start: int, end: int, _flags: int, _context: object) -> bool:
            found.append(end)
            return True

        try:
            self._run(name, data, stop)
        except self._engine.ScanTerminated:
            return True
        return bool(found)

    def _run(self, name: str, data: bytes, note: Any) -> None:  # noqa: ANN401 - a callback of five arguments
        if name not in self._built:
            self._built[name] = self._build(self._rows(name))
        self._built[name].scan(data, match_event_handler=note)

    def _rows(self, name: str) -> Rows:
        if name == "finished":
            named = [rf"Finished task {index}\." for index in sorted(self._tasks)]
            return [(p, TASK) for p in (named if len(named) <= MAX_TASKS else ["Finished task "])]
        fixed: dict[str, Rows] = {
            "header": [(f"^{HEADER_START}", HEADER)],
            "application": [(r"(?:application|job)_\d{10,}_\d{4}", APPLICATION)],
            "setting": [(STATEMENT, SETTING)],
            "suspect": [(_SUSPECT, GRADE)],
            "unclean": [(_UNCLEAN, GRADE)],
        }
        return fixed[name] if name in fixed else rows() if name == "own" else _main()

    def _build(self, rows: Rows) -> Any:  # noqa: ANN401 - a hyperscan.Database
        single = [
            (p, place)
            for row, bits in rows
            for p in alternatives(row)
            for place in range(PLACES)
            if bits >> place & 1
        ]
        database = self._engine.Database(mode=self._engine.HS_MODE_BLOCK)
        database.compile(
            expressions=[pattern.encode("latin-1") for pattern, _ in single],
            ids=[place for _, place in single],
            elements=len(single),
            flags=[self._flags(place) for _, place in single],
        )
        return database

    def _flags(self, place: int) -> int:
        once = self._engine.HS_FLAG_SINGLEMATCH if place == _ATTEMPT_PLACE else 0
        flags: int = self._engine.HS_FLAG_MULTILINE | once
        return flags


_mine: Final = local()


def load() -> Sieve | None:
    """Give this thread's sieve, or None where hyperscan is not installed."""
    if not hasattr(_mine, "sieve"):
        try:
            import hyperscan  # noqa: PLC0415 - optional, and of no use for small logs
        except ImportError:
            _mine.sieve = None
        else:
            _mine.sieve = Sieve(hyperscan)
    sieve: Sieve | None = _mine.sieve
    return sieve
