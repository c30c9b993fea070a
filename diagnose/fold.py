"""The lines of one record in, those worth their room out: what repeats and what is the platform's goes first.

A record that is too large loses whole runs of lines, in this order: frames that were shown before, frames of
frameworks, frames of the job's own code beyond the first, the first ones, the frame at which an exception was
thrown. Messages stay as long as there is room: the line that tells the cause, the record's first line, every
`Caused by:`, what a traceback ends with, then all others.
A run is only left out where that saves more than the mark that stands in its place; lines stay as they are.
Limits: a frame is told by its form, a framework by the package or the folder it lives in.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import groupby, pairwise
from typing import Final

OWN_FRAMES: Final = 3
"""Frames of the job's own code that are kept below each message: where it threw, and how it got there."""
_MIN_RUN: Final = 2
"""A single frame is never left out: a jump over one line hides more than it saves."""


class Tier(IntEnum):
    """How soon a line is left out; higher goes first."""

    KEY = 0
    """A line that somebody will quote: it tells the cause or the end."""
    HEAD = 1
    """The record's first line, `Caused by:`, what a traceback ends with."""
    MESSAGE = 2
    THROWN = 3
    """The frame at which an exception was thrown."""
    OWN = 4
    """The frames of the job's own code next to it."""
    REST = 5
    FRAMEWORK = 6
    DOUBLE = 7
    """A frame that stands before in the record, or elsewhere among the lines taken."""


@dataclass(frozen=True, kw_only=True)
class Sheaf:
    """A record's lines as they are folded; a place is an index of `lines`."""

    lines: Sequence[str]
    keys: Sequence[int] = ()
    """Places of the lines that somebody will quote, the best first."""
    shown: Collection[str] = ()
    """Frames that were shown before."""
    breaks: Collection[int] = ()
    """Places whose line doesn't stand right behind the one before, in the file."""
    mark_bytes: int = 0
    """Of the mark that every run of lines stands under."""

    @cached_property
    def sizes(self) -> Sequence[int]:
        """Bytes of each line with its end."""
        return [len(text.encode()) + 1 for text in self.lines]

    @cached_property
    def kinds(self) -> Sequence[str]:
        """What begins in each line: `java`, `python`, or `more` of the frame above; "" where no frame is."""
        return list(_kinds(self.lines))

    @cached_property
    def frames(self) -> Sequence[str]:
        """The lines that are frames, source code under them apart."""
        return [text for text, kind in zip(self.lines, self.kinds, strict=True) if kind in ("java", "python")]

    def cost_bytes(self, places: Sequence[int]) -> int:
        """Give what lines take, marks included; the places are in order."""
        jumps = sum(after != before + 1 or after in self.breaks for before, after in pairwise(places))
        return sum(self.sizes[place] for place in places) + self.mark_bytes * (jumps + bool(places))

    def filled(self, order: Iterable[int], room_bytes: int) -> list[int]:
        """Take line by line, in an order, each that still fits."""
        kept: set[int] = set()
        for place in order:
            begins = place - 1 not in kept or place in self.breaks
            joins = place + 1 in kept and place + 1 not in self.breaks
            size = self.sizes[place] + self.mark_bytes * (begins - joins)
            if place not in kept and size <= room_bytes:
                kept.add(place)
                room_bytes -= size
        return sorted(kept)


def folded(sheaf: Sheaf, room_bytes: int) -> list[int]:
    """Choose lines of a record.

    Args:
        sheaf: the record.
        room_bytes: what it may take, marks included.

    Returns:
        Places in order: all when they fit, and fewer the less room there is; none when nothing that tells
        anything by itself fits.
    """
    every = list(range(len(sheaf.lines)))
    fits = sheaf.cost_bytes(every) <= room_bytes
    if fits and not any(text in sheaf.shown for text in sheaf.frames):
        return every
    tiers = _tiers(sheaf)
    for least in (Tier.DOUBLE, Tier.FRAMEWORK, Tier.REST, Tier.OWN, Tier.THROWN):
        kept = _without(sheaf, tiers, least)
        if sheaf.cost_bytes(kept) <= room_bytes:
            return kept
    kept = sheaf.filled(_order(sheaf, tiers), room_bytes)
    return kept if any(tiers[place] <= Tier.HEAD for place in kept) else []


def _without(sheaf: Sheaf, tiers: Sequence[Tier], least: Tier) -> list[int]:
    """Leave out the runs of lines of a tier and those above it that are longer than a mark."""
    kept: list[int] = []
    for goes, run in groupby(range(len(tiers)), key=lambda place: tiers[place] >= least):
        places = list(run)
        saved = sum(sheaf.sizes[place] for place in places) - sheaf.mark_bytes
        if not goes or len(places) < _MIN_RUN or saved <= 0:
            kept.extend(places)
    return kept


def _order(sheaf: Sheaf, tiers: Sequence[Tier]) -> list[int]:
    """Order lines, best first: keys as given, heads from the deepest up, the rest as it stands."""
    by_tier: dict[Tier, list[int]] = {}
    for place, tier in enumerate(tiers):
        by_tier.setdefault(tier, []).append(place)
    heads = by_tier.get(Tier.HEAD, [])[::-1]
    if heads and not _CHROME.match(sheaf.lines[heads[-1]]):
        heads = [heads[-1], *heads[:-1]]
    order = [*dict.fromkeys(sheaf.keys), *heads]
    for tier in (Tier.MESSAGE, Tier.THROWN, Tier.OWN, Tier.REST):
        order.extend(by_tier.get(tier, ()))
    return order


def _tiers(sheaf: Sheaf) -> list[Tier]:
    """Give every line its tier."""
    found: list[Tier] = []
    seen: set[str] = set()
    python = False
    for framed, rows in groupby(zip(sheaf.lines, sheaf.kinds, strict=True), key=lambda row: bool(row[1])):
        section = list(rows)
        if framed:
            found.extend(
                _frame_tiers(_units(section), python := section[0][1] == "python", sheaf.shown, seen)
            )
        else:
            found.extend(_message_tiers([text for text, _ in section], heads=python or not found))
    for place in sheaf.keys:
        found[place] = Tier.KEY
    return found


def _message_tiers(texts: Sequence[str], *, heads: bool) -> Iterator[Tier]:
    """Grade lines that are no frames; `heads`: the first begins the record, or names what Python raised."""
    for place, text in enumerate(texts):
        if (heads and place == 0) or text.startswith(("Caused by: ", ": ")):
            yield Tier.HEAD
        else:
            yield Tier.THROWN if _CHROME.match(text) else Tier.MESSAGE


def _units(section: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Put Python's frames together: two lines or three are one."""
    units: list[list[str]] = []
    for text, kind in section:
        if kind == "more" and units:
            units[-1].append(text)
        else:
            units.append([text])
    return units


def _frame_tiers(
    units: Sequence[Sequence[str]],
    python: bool,  # noqa: FBT001
    shown: Collection[str],
    seen: set[str],
) -> Iterator[Tier]:
    """Grade one run of frames; Python throws at the last of them, Java at the first."""
    own = [place for place, unit in enumerate(units) if not _is_framework(unit[0])]
    near = set(own[-OWN_FRAMES:] if python else own[:OWN_FRAMES])
    thrown = len(units) - 1 if python else 0
    for place, unit in enumerate(units):
        tier = Tier.OWN if place in near else Tier.REST if place in own else Tier.FRAMEWORK
        if unit[0] in shown or unit[0] in seen:
            tier = Tier.DOUBLE
        seen.add(unit[0])
        yield from [Tier.THROWN if place == thrown else tier] * len(unit)


_JAVA: Final = re.compile(r"[ \t]+(?:at [^\s(]+\(|\.\.\. \d+ (?:more|common frames omitted)|Suppressed: )")
_PYTHON: Final = re.compile(r'\s*File "[^"]*", line \d+')
_MORE: Final = re.compile(r"\s{4}|\s+\[Previous line repeated \d+ more times?\]")
"""Source code under a Python frame, and the marks under that."""
_CHROME: Final = re.compile(r"(?:Driver stack|JVM stack)trace:|Traceback \(most recent call last\):|\s*$")
"""A trace's own fixed words."""
_PACKAGES: Final = (
    "java", "javax", "jakarta", "jdk", "sun", "com.sun", "kotlin", "scala", "py4j", "akka", "org.apache",
    "org.sparkproject", "org.eclipse", "org.glassfish", "org.codehaus", "org.datanucleus", "org.jboss",
    "org.slf4j", "org.json4s", "io.netty", "io.grpc", "io.delta", "com.amazon", "com.amazonaws",
    "software.amazon", "com.google", "com.fasterxml", "com.esotericsoftware", "com.twitter.chill",
    "com.databricks", "com.zaxxer", "com.jolbox", "net.razorvine", "okhttp3", "shaded",
)  # fmt: skip
_JAVA_FRAMEWORK: Final = re.compile(
    rf"\s+(?:at (?:[\w.@-]*/)*(?:(?:{'|'.join(map(re.escape, _PACKAGES))})\.|"
    r"[\w.$]*(?:\$Proxy\d|GeneratedClass\$|Generated(?:Method|Constructor)Accessor|LambdaForm\$))|\.\.\. )"
)
_PYTHON_FRAMEWORK: Final = re.compile(
    r'\s*File "(?:<frozen |[^"]*/(?:(?:pyspark(?:\.zip)?|py4j(?:-[^/"]*)?|site-packages|dist-packages|'
    r'lib(?:64)?/python[\d.]+)/|runpy\.py"))'
)


def _kinds(lines: Iterable[str]) -> Iterator[str]:
    inside = ""
    for text in lines:
        blank = text[:1] in (" ", "\t")
        if blank and _JAVA.match(text):
            inside = "java"
            yield inside
        elif blank and _PYTHON.match(text):
            inside = "python"
            yield inside
        elif inside == "python" and blank and _MORE.match(text):
            yield "more"
        else:
            inside = ""
            yield inside


def _is_framework(text: str) -> bool:
    """Tell a frame of a framework, generated code and what Java says of frames that it left out itself."""
    return _JAVA_FRAMEWORK.match(text) is not None or _PYTHON_FRAMEWORK.match(text) is not None
