"""The judged cause in, the lines that state the settings it names, or mention its paths and tables, out.

A kill for memory is explained by what memory was asked for, a missing path by who named it. The cause's own
record and everything logged as a warning or worse are left to their own weight.
Limits: exact names only; a path counts with its folder, without scheme and host.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from diagnose.anchor import Interest
from diagnose.finding import Event
from diagnose.fold import Sheaf
from diagnose.note import TAIL_KINDS
from diagnose.passage import Passage
from diagnose.ranking import Judgement, exception_lines
from diagnose.statement import named, stated, states

MAX_SETTINGS: Final = 4
"""Of the settings that a cause and its advice name, the first."""
MAX_THINGS: Final = 4
MAX_LINES: Final = 6
_MAX_TELLING_LINES: Final = 4
"""Of an unknown exception, the lines in which settings and paths are looked for."""
_MIN_THING_CHARS: Final = 5
MAX_TEXT_CHARS: Final = 4000
_PATH: Final = re.compile(
    r"(?:\b(?P<scheme>[a-z][a-z0-9+.-]{1,20}):/{1,3}[^\s'\",;/]*|(?<![\w/:.\]-]))"
    r"(?P<path>/[^\s'\",;:()\[\]{}]+(?:/[^\s'\",;:()\[\]{}]+)+)"
)
_PLACEHOLDER: Final = re.compile(r"\[REDACTED-S3-PATH-\d+\]")
_PLATFORM: Final = re.compile(
    r"/(?:usr|lib|proc|opt|var|mnt\d*/(?:yarn|var)|home/hadoop/\.)\b|/tmp/spark-|/stages?/|/proxy/"
)
"""Paths of the platform's own, which stand in many lines."""
_TROUBLE: Final = re.compile(r"(?:Exception|Error)\b")
"""In lines that tell the failure once more, not what was named before it."""
_TABLE_GROUPS: Final = ("table", "view", "database")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the cause names, the surest first."""

    settings: Sequence[str]
    things: Sequence[str]
    """Paths, placeholders of paths and names of tables."""


class Place(NamedTuple):
    """A line that may be shown for what it says of the cause's settings or paths."""

    passage: Passage
    position: int
    text: str


def mentions(happened: Sequence[Event], judgement: Judgement) -> list[Place]:
    """Find the lines that say what the cause's settings and paths are.

    Args:
        happened: all events, in order.
        judgement: what is the cause.

    Returns:
        The most telling first, each text once, no more than `MAX_LINES`; none when nothing is named.
    """
    own = judgement.primary.event if judgement.primary else judgement.unknown
    wanted = _wanted(judgement)
    if own is None or not (wanted.settings or wanted.things):
        return []
    quiet = list(_quiet(happened, own))
    chosen = (*_stating(quiet, wanted.settings), *_naming(quiet, wanted.things))
    return list({place.text: place for place in reversed(chosen)}.values())[::-1][:MAX_LINES]


def _wanted(judgement: Judgement) -> _Wanted:
    primary, unknown = judgement.primary, judgement.unknown
    if primary is not None:
        signature = primary.signature
        texts = [primary.text, *primary.captures.values()]
        told = (*texts, signature.cause, *signature.advice)
        tables = [primary.captures.get(name, "") for name in _TABLE_GROUPS]
    else:
        lines = exception_lines(unknown)[:_MAX_TELLING_LINES] if unknown else []
        texts = [unknown.passage.lines[position].text for position in lines] if unknown else []
        told, tables = tuple(texts), []
    settings = list(dict.fromkeys(name for text in told for name in named(text)))
    things = [thing for text in texts for thing in _things(text)]
    things += [name.replace("`", "").removeprefix("spark_catalog.") for name in tables]
    things = [thing for thing in dict.fromkeys(things) if len(thing) >= _MIN_THING_CHARS]
    return _Wanted(settings[:MAX_SETTINGS], things[:MAX_THINGS])


def _things(text: str) -> Iterator[str]:
    """Give the paths in a text, each with its folder, and the placeholders of paths."""
    yield from _PLACEHOLDER.findall(text)
    for hit in _PATH.finditer(text[:MAX_TEXT_CHARS]):
        path = hit["path"].rstrip(".")
        if hit["scheme"] not in ("http", "https") and not _PLATFORM.search(path):
            yield path
            folder = path.rpartition("/")[0]
            if folder.count("/") > 1:
                yield folder


def _quiet(happened: Sequence[Event], own: Event) -> Iterator[Place]:
    """Give the lines of drivers, steps and controllers that alarm nobody, but for frames and the cause."""
    application = own.scope[0]  # another application's settings explain nothing
    near = (e for e in happened if e.source.kind in TAIL_KINDS)
    near = (e for e in near if application is None or e.scope[0] in (None, application))
    for passage in {id(event.passage): event.passage for event in near}.values():
        loud = {
            position
            for mark in passage.marks
            if mark.interest > Interest.HINT or (passage is own.passage and mark is own.mark)
            for position in range(mark.first, mark.last + 1)
        }
        kinds = Sheaf(lines=[line.text for line in passage.lines]).kinds
        for position, (line, frame) in enumerate(zip(passage.lines, kinds, strict=True)):
            if not frame and position not in loud:
                yield Place(passage, position, line.text)


def _stating(quiet: Sequence[Place], settings: Sequence[str]) -> Iterator[Place]:
    """Give for each setting the line with its value and the sentence about it; one may do for several."""
    if not settings:
        return
    rows = [(place, stated(place.text)) for place in quiet if states(place.text)]
    for exact in (True, False):
        done: set[str] = set()
        for name in settings:
            fitting = (row for row in rows if name in row[1] and bool(row[1][name]) is exact)
            row = next(fitting, None) if name not in done else None
            if row is not None:
                done |= {other for other, value in row[1].items() if bool(value) is exact}
                yield row[0]


def _naming(quiet: Sequence[Place], things: Sequence[str]) -> Iterator[Place]:
    """Give for each path or table the first line that names it; part of a longer name is none."""
    for thing in things:
        whole = re.compile(rf"(?<![\w.-]){re.escape(thing)}(?![\w-])")
        naming = (place for place in quiet if thing in place.text and not _TROUBLE.search(place.text))
        place = next((place for place in naming if thing[0] == "/" or whole.search(place.text)), None)
        if place is not None:
            yield place
