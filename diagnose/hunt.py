"""Known secrets → every place in a text at which one of them stands, plain or encoded.

The first bytes of the values are one alternation, which runs over the text and over each other reading of it;
what follows them is looked up, so that compiling costs little. A text that is full of such beginnings is read
with the whole values instead, and many values are found by an index over their first bytes: the time grows
with the text and not with the product of text and secrets.
Limits: of a value cut by dots only a part of at least six bytes is seen; everyday words, short values and
values over 4 KB are not hunted.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from operator import neg

import re2

from diagnose import checksum
from diagnose.label import Pattern, latin
from diagnose.reading import Reading, joined
from diagnose.secret import COMMON_WORDS, ENCODED, MIN_HUNTED_BYTES, Kind, Stretch

Identity = tuple[Kind, bytes]  # a secret, whatever its spelling
Match = tuple[int, int, Identity]

MAX_HUNTED_BYTES = 4096  # the longest credential, a session token or a 16,384-bit key, is shorter
# Up to here one alternation, beyond it the index: RE2's compile time is what grows.
MAX_ALTERNATION_BYTES = 1 << 19
MAX_ALTERNATION_LITERALS = 4000
MAX_FALSE_HEADS = 64  # of values that do not follow; then one walk with the whole values is cheaper

_CUT_AFTER = latin(rb"([^\s\"'`=,;(){}\[\]<>]{6,})(?:\.{3}|\xe2\x80\xa6|\*{3,})")
_CUT_BEFORE = latin(rb"(?:\.{3}|\xe2\x80\xa6|\*{3,})([^\s\"'`=,;(){}\[\]<>.*]{6,})")


class Hunt:
    """The literals to remove wherever they stand."""

    __slots__ = ("_backwards", "_cores", "_forwards", "_literals")

    def __init__(self) -> None:
        self._literals = Literals()
        self._cores = Literals()  # what a base64 text cut beside the value still holds of it
        self._forwards: list[bytes] = []  # sorted, to find a value by its beginning
        self._backwards: list[bytes] = []  # reversed and sorted, to find it by its end

    def __bool__(self) -> bool:
        return bool(self._literals.identities)

    def add(self, value: bytes, identity: Identity) -> bool:
        """Hunt a value in all its forms; False when it is known, too short, too long or an everyday word."""
        if value in self._literals.identities or not _huntable(value):
            return False
        self._literals.add(value, identity)
        core = value[1:-1] if len(value) >= MIN_HUNTED_BYTES + 2 else value
        self._cores.add(value if core.isalpha() or core.isdigit() else core, identity)  # no word in a word
        for sign, spelled in ((b" ", b"+"), (b"'", b"''"), (b'"', b'""')):  # of query strings, SQL and CSV
            if sign in value and identity[0] in ENCODED:
                self._literals.add(value.replace(sign, spelled), identity)
        if identity[0] in ENCODED:
            insort(self._forwards, value)
            insort(self._backwards, value[::-1])
        return True

    def matches(self, data: bytes, others: Sequence[Reading]) -> list[Match]:
        """Every place at which a hunted literal stands; the base64 around a decoded one belongs to it.

        Args:
            data: The text.
            others: The other readings of it.
        """
        found = [(start, end, identity) for start, end, identity in self._literals.places(data)]
        for reading in others:
            literals = self._literals if reading.searched else self._cores
            for start, end, identity in literals.places(reading.data):
                span = reading.source(start, end)
                if span:
                    found.append((*span, identity))
        return [*found, *self._wrapped(data), *self._cut(data)]

    def _wrapped(self, data: bytes) -> Iterator[Match]:
        """Values that a line end cuts in two."""
        reading = joined(data)
        for start, end, identity in self._literals.places(reading.data) if reading else ():
            span = reading.source(start, end) if reading and identity[0] in ENCODED else None
            if span:
                yield (*span, identity)

    def _cut(self, data: bytes) -> Iterator[Match]:
        """Beginnings and ends of values beside the dots or stars that stand for the rest."""
        if b"..." not in data and b"***" not in data and b"\xe2\x80\xa6" not in data:
            return
        for pattern, known, step in ((_CUT_AFTER, self._forwards, 1), (_CUT_BEFORE, self._backwards, -1)):
            for match in pattern.finditer(data):
                part = match.group(1)[::step]
                at = bisect_left(known, part)
                if at < len(known) and known[at].startswith(part):
                    yield (*match.span(1), self._literals.identities[known[at][::step]])


class Literals:
    """Byte strings of at least six bytes, and how to find all of them in one walk."""

    __slots__ = ("_beginnings", "_bytes", "_heads", "_pattern", "identities")

    def __init__(self) -> None:
        self.identities: dict[bytes, Identity] = {}
        self._heads: dict[bytes, list[int]] = {}  # the sizes of the literals that begin so, the longest first
        self._bytes = 0
        self._beginnings: Pattern = None
        self._pattern: Pattern = None

    def add(self, literal: bytes, identity: Identity) -> None:
        """Add one form of a secret."""
        if literal in self.identities:
            return
        self.identities[literal] = identity
        sizes = self._heads.setdefault(literal[:MIN_HUNTED_BYTES], [])
        if not sizes:
            self._beginnings = None
        if len(literal) not in sizes:
            insort(sizes, len(literal), key=neg)
        self._bytes += len(literal)
        self._pattern = None

    def places(self, data: bytes) -> Iterator[Match]:
        """Yield the matches, leftmost first, the longest literal at each place, words as words only."""
        for start, end in self._stretches(data):
            literal = data[start:end]
            if not (literal.isalpha() or literal.isdigit()) or checksum.edges(data, start, end):
                yield (start, end, self.identities[literal])

    def _stretches(self, data: bytes) -> Iterator[Stretch]:
        if self._bytes > MAX_ALTERNATION_BYTES or len(self.identities) > MAX_ALTERNATION_LITERALS:
            yield from self._walk(data)
            return
        if self._beginnings is None:
            self._beginnings = _alternation(self._heads)
        at = false = 0
        head = self._beginnings.search(data)
        while head and false < MAX_FALSE_HEADS:
            start = head.start()
            size = self._size(data, start)
            if size:
                yield (start, start + size)
            false += not size
            at = start + (size or 1)
            head = self._beginnings.search(data, at)
        if head:
            yield from self._whole(data, at)

    def _whole(self, data: bytes, position: int) -> Iterator[Stretch]:
        if self._pattern is None:
            self._pattern = _alternation(sorted(self.identities, key=len, reverse=True))
        return (match.span() for match in self._pattern.finditer(data, position))

    def _size(self, data: bytes, at: int) -> int:
        """How long the longest literal at a place is; 0 if none stands there."""
        for size in self._heads.get(data[at : at + MIN_HUNTED_BYTES], ()):
            literal = data[at : at + size]
            if literal in self.identities:
                return len(literal)  # at the end of the text a shorter one than looked for
        return 0

    def _walk(self, data: bytes) -> Iterator[Stretch]:
        heads = self._heads
        at, last = 0, len(data) - MIN_HUNTED_BYTES
        while at <= last:
            size = self._size(data, at) if data[at : at + MIN_HUNTED_BYTES] in heads else 0
            if size:
                yield (at, at + size)
            at += size or 1


def _alternation(literals: Iterable[bytes]) -> Pattern:
    return latin(b"|".join(re2.escape(literal) for literal in literals))


def _huntable(value: bytes) -> bool:
    word = value[:MAX_HUNTED_BYTES].strip().lower().decode("utf-8", "replace")
    return MIN_HUNTED_BYTES <= len(value.strip()) <= MAX_HUNTED_BYTES and word not in COMMON_WORDS
