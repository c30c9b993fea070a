"""Known secrets → every place in a text at which one of them stands, plain or encoded.

A few are found by one RE2 alternation; many, by an index over their first bytes, so that the time grows with
the text and not with the product of text and secrets.
Limits: a part of a secret is not hunted; everyday words, short values and values over 4 KB are not either.
"""

from collections.abc import Iterator

import re2

from diagnose import checksum
from diagnose.encoding import buried, spellings
from diagnose.label import Pattern, latin
from diagnose.secret import COMMON_WORDS, ENCODED, MIN_HUNTED_BYTES, Kind, Stretch

Identity = tuple[Kind, bytes]  # a secret, whatever its spelling
Match = tuple[int, int, Identity]

MAX_HUNTED_BYTES = 4096  # the longest credential, a session token or a 16,384-bit key, is shorter
# Up to here one alternation, beyond it the index: RE2's compile time is what grows.
MAX_ALTERNATION_BYTES = 1 << 19
MAX_ALTERNATION_LITERALS = 4000
MAX_RUN_BYTES = 512  # how far the base64 around a buried secret is removed, each way
_RUN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/_-")


class Hunt:
    """The literals to remove wherever they stand."""

    __slots__ = ("_buried", "_plain")

    def __init__(self) -> None:
        self._plain = Literals()
        self._buried = Literals()

    def add(self, value: bytes, identity: Identity) -> bool:
        """Hunt a value in all its forms; False when it is known, too short, too long or an everyday word."""
        if value in self._plain.identities or not _huntable(value):
            return False
        encoded = identity[0] in ENCODED
        self._plain.add(spellings(value) if encoded else (value,), identity)
        self._buried.add(buried(value) if encoded else (), identity)
        return True

    def matches(self, data: bytes) -> list[Match]:
        """Every place at which a hunted literal stands; the base64 around a buried one belongs to it."""
        found = []
        for start, end in self._plain.places(data):
            literal = data[start:end]
            if not (literal.isalpha() or literal.isdigit()) or checksum.edges(data, start, end):
                found.append((start, end, self._plain.identities[literal]))
        for start, end in self._buried.places(data):
            found.append((*_run(data, start, end), self._buried.identities[data[start:end]]))
        return found


class Literals:
    """Byte strings of at least six bytes, and how to find all of them in one walk."""

    __slots__ = ("_bytes", "_heads", "_pattern", "identities")

    def __init__(self) -> None:
        self.identities: dict[bytes, Identity] = {}
        self._heads: dict[bytes, set[int]] = {}
        self._bytes = 0
        self._pattern: Pattern = None

    def add(self, literals: "frozenset[bytes] | tuple[bytes, ...]", identity: Identity) -> None:
        """Add the forms of one secret."""
        for literal in literals:
            if literal not in self.identities and len(literal) >= MIN_HUNTED_BYTES:
                self.identities[literal] = identity
                self._heads.setdefault(literal[:MIN_HUNTED_BYTES], set()).add(len(literal))
                self._bytes += len(literal)
                self._pattern = None

    def places(self, data: bytes) -> Iterator[Stretch]:
        """Yield the stretches, leftmost first, the longest literal at each place, without overlap."""
        if not self.identities:
            return iter(())
        if self._bytes > MAX_ALTERNATION_BYTES or len(self.identities) > MAX_ALTERNATION_LITERALS:
            return self._walk(data)
        if self._pattern is None:
            ordered = sorted(self.identities, key=len, reverse=True)
            self._pattern = latin(b"|".join(re2.escape(literal) for literal in ordered))
        return (match.span() for match in self._pattern.finditer(data))

    def _walk(self, data: bytes) -> Iterator[Stretch]:
        heads, identities = self._heads, self.identities
        at, last = 0, len(data) - MIN_HUNTED_BYTES
        while at <= last:
            sizes = heads.get(data[at : at + MIN_HUNTED_BYTES])
            size = (
                max((size for size in sizes if data[at : at + size] in identities), default=0) if sizes else 0
            )
            if size:
                yield (at, at + size)
            at += size or 1


def _huntable(value: bytes) -> bool:
    word = value[:MAX_HUNTED_BYTES].strip().lower().decode("utf-8", "replace")
    return MIN_HUNTED_BYTES <= len(value.strip()) <= MAX_HUNTED_BYTES and word not in COMMON_WORDS


def _run(data: bytes, start: int, end: int) -> Stretch:
    """The stretch with the base64 characters next to it."""
    first, last = max(0, start - MAX_RUN_BYTES), min(len(data), end + MAX_RUN_BYTES)
    while start > first and data[start - 1] in _RUN:
        start -= 1
    while end < last and (data[end] in _RUN or data[end] == ord("=")):
        end += 1
    return (start, end)
