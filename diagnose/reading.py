r"""A text → the other texts that stand in it: escapes undone, base64 and hexadecimal decoded, lines joined.

A log repeats a secret as `p%40ss`, `p\"ss`, `p&amp;ss`, in colours, inside the base64 of `user:p@ss`, cut in
two by a terminal. Spelling out all forms of each secret costs time per secret; reading the text once in each
way costs time per text, and finds what is encoded twice as well.
A `Reading` is such a text and the way back: which bytes of the source stand behind a stretch of it.
Limits: three layers; no compression, no hash, no cipher; base64 without a printable run of 12 bytes is
searched for known values only.
"""

import re
from binascii import a2b_base64, unhexlify
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from itertools import accumulate

from diagnose.label import STEMS, latin
from diagnose.secret import Stretch

MAX_LAYERS = 4  # JSON in JSON in JSON, a URL in a URL in base64
MAX_DECODED_RUNS = 2000  # printable runs looked into for each text; a healthy log has one or two by chance
MIN_RUN_BYTES = 12  # the shortest decoded text that can hold a key and a value
MAX_RUN_BYTES = 512  # how far the base64 around a decoded stretch belongs to it, each way

_HEX_ALPHABET = b"0123456789abcdefABCDEF"
_BASE64_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_RUN = frozenset(_BASE64_ALPHABET)
# a byte that is none of the alphabet decodes to zero bits, which no secret holds
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")
_FROM_BASE64 = bytes(_TO_BASE64[byte] if byte in _BASE64_ALPHABET else ord("A") for byte in range(256))
_FROM_HEX = bytes(byte if byte in _HEX_ALPHABET else ord("0") for byte in range(256))
_HEX_RUN = latin(rb"[0-9a-fA-F]{12}")
_PRINTABLE = latin(rb"(?:[\t\n\r\x1b\x20-\x7e]|[\xc3-\xc5][\x80-\xbf]){12,}")
_SIGNS_RUN = latin(rb"[A-Za-z0-9+/_-]+")
_LAYERED = latin(rb"[%\\&^\x1b]|[A-Za-z0-9+/_-]{12}")

_ESCAPE = (
    rb"%[0-9A-Fa-f]{2}|\\(?:(?:u[dD][89a-fA-F][0-9a-fA-F]{2}\\?)+|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}"
    rb"|033|[\"'`/\\nrtbfe=: ])"
    rb"|&(?:amp|lt|gt|quot|apos|nbsp|#[0-9]{1,6}|#[xX][0-9a-fA-F]{1,6});|(?:\x1b|\^\[)\[[0-9;?]*[A-Za-z]"
)
_HAS_ESCAPE = latin(_ESCAPE)
_ESCAPES = re.compile(_ESCAPE)  # linear as well (nothing overlaps), and cheaper per match than RE2's wrapper
_FRAGMENT = latin(
    rb"(?m)^[^\n:\"']*[0-9][^\n\"'<>]*\b(?:INFO|WARN|WARNING|ERROR|DEBUG|TRACE|FATAL)\b"
    rb"[^\n\"'<>{}\[\]]*?:[ \t]"
    rb"((?:[ \t]|[\"'\[\]{}<|-])[^\n]*(?:\n|\z))"
)
_HEADLINE = (
    rb"(?m)^([ \t]*\S[^\n]*?[ \t])(?:[ ]?\+(?:-+\+)+|[-=]+(?:\+[-=]+)+|-(?:\[ )?RECORD [^\n]*"
    rb"|\"?[A-Za-z_]\w*\"?(?:[,;\t]\"?[A-Za-z_]\w*\"?){2,}"
    rb"|[\"']?[\w.-]*(?i:" + STEMS + rb")[\w.-]*[\"']?:(?:[ ][|>][+-]?)?"
    rb"|(?:- )?[\"']?(?:[Nn]ame|[Kk]ey)[\"']?: ?[\"']?[\w.-]+[\"']?,?|<name>[^<\n]*</name>"
    rb"|[ ]*(?:Input|String|Value) [^\n]*\binput_value=[^\n]*)[ \t\r]*$"
)
"""What a prefix stands before here stands before the lines below as well: of a table, of CSV, of a value."""
_HAS_HEADLINE, _HEADLINES = latin(_HEADLINE, groups=False), latin(_HEADLINE)
_ALIKE = bytes.maketrans(b"123456789", b"000000000")
MAX_FRAMED_LINES = 200
_CONTAINED = latin(rb'(?m)^\{"log":"((?:[^"\\\n]|\\[^\n])*?)(?:\\r)?(?:\\n)?","stream":')
_SIGNS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\x08", b"f": b"\x0c", b"e": b"\x1b"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to read a text.

    Attributes:
        data: The decoded bytes.
        source: Offsets in `data` → offsets in the text that was read; None when what stands there is no
            encoding.
        searched: Whether new secrets are looked for in it; otherwise only known ones.
    """

    data: bytes
    source: Callable[[int, int], Stretch | None]
    searched: bool = True


def readings(data: bytes, layers: int = MAX_LAYERS, *, encoded: bool = True) -> Iterator[Reading]:
    """Yield every other reading of `data`, of all layers; without base64 and hexadecimal unless `encoded`."""
    unlogged = _unlogged(data)
    if unlogged:
        yield unlogged
    unframed = _unframed(data)
    if unframed:
        yield unframed
    for outer in (_uncontained(data), _unescaped(data)):
        if outer:
            yield outer
        if outer and layers > 1:
            inside = readings(outer.data, layers - 1, encoded=encoded)
            yield from (_within(outer, inner) for inner in inside)
    if not encoded:
        return
    for coded in (*_base64(data), *_hexadecimal(data)):
        yield Reading(data=coded.data, source=coded.source, searched=False)
        if layers > 1:
            yield from _runs(coded, layers - 1)


def _unlogged(data: bytes) -> Reading | None:
    """The lines on which a logger printed a part of a longer text, without its prefix."""
    parts, marks, size = [], [], 0
    for match in _FRAGMENT.finditer(data):
        start, end = match.span(1)
        marks.append((size, start, end))
        parts.append(data[start:end])
        size += end - start
    return Reading(data=b"".join(parts), source=_mapped(marks, parts)) if len(parts) > 1 else None


def _unframed(data: bytes) -> Reading | None:
    """Tables and the like without the prefix that a logger, a shipper or a console put before each line."""
    spans: list[Stretch] = []
    done = 0
    for match in _HAS_HEADLINE.finditer(data):
        if match.start() >= done:
            frame = _HEADLINES.match(data, *match.span()).group(1).translate(_ALIKE)
            lines = list(_alike(data, match.start(), frame, done))
            if len(lines) > 1:
                spans += lines
                done = lines[-1][1]
    parts = [data[slice(*span)] for span in spans]
    starts = accumulate(map(len, parts), initial=0)
    marks = [(at, *span) for at, span in zip(starts, spans, strict=False)]
    return Reading(data=b"".join(parts), source=_mapped(marks, parts)) if parts else None


def _alike(data: bytes, start: int, frame: bytes, floor: int) -> Iterator[Stretch]:
    """The line at `start`, two before it and those below that share its prefix but for digits."""
    for _ in range(2):
        before = data.rfind(b"\n", floor, max(start - 1, floor)) + 1 or floor
        if before >= start or data[before : before + len(frame)].translate(_ALIKE) != frame:
            break
        start = before
    for _ in range(MAX_FRAMED_LINES):
        if data[start : start + len(frame)].translate(_ALIKE) != frame:
            break
        end = data.find(b"\n", start) + 1 or len(data)
        yield (start + len(frame), end)
        start = end


def _uncontained(data: bytes) -> Reading | None:
    """What a container wrote, of the JSON that Docker keeps each line in."""
    parts, marks, size = [], [], 0
    for match in _CONTAINED.finditer(data) if b'{"log":"' in data else ():
        start, end = match.span(1)
        marks += [(size, start, end), (size + end - start, end, end + 1)]
        parts += [data[start:end], b"\n"]
        size += end - start + 1
    return Reading(data=b"".join(parts), source=_mapped(marks, parts)) if parts else None


def joined(data: bytes) -> Reading | None:
    """The text without its line ends and the indents behind them: what a terminal wrapped is whole again."""
    lines = data.split(b"\n")
    parts = [line.strip(b" \t\r") for line in lines]
    if sum(map(bool, parts)) < 2:
        return None
    ends = list(accumulate(map(len, parts)))
    source = _unwrapped(data, lines, parts, ends)
    return Reading(data=b"".join(parts), source=source)


def _unwrapped(
    data: bytes, lines: list[bytes], parts: list[bytes], ends: list[int]
) -> Callable[[int, int], Stretch | None]:
    """The way back for what stands on two lines or more; None for the rest, which the text itself shows."""
    starts: list[int] = []

    def place(index: int, offset: int) -> int:
        indent = len(lines[index]) - len(lines[index].lstrip(b" \t\r"))
        return starts[index] + indent + offset - (ends[index] - len(parts[index]))

    def source(start: int, end: int) -> Stretch | None:
        if not starts:
            starts.extend(accumulate((len(line) + 1 for line in lines), initial=0))
        first, last = bisect_right(ends, start), bisect_left(ends, end)
        return (place(first, start), place(last, end)) if first < last else None

    return source


def _within(outer: Reading, inner: Reading) -> Reading:
    def source(start: int, end: int) -> Stretch | None:
        span = inner.source(start, end)
        return outer.source(*span) if span else None

    return Reading(data=inner.data, source=source, searched=inner.searched)


def _runs(coded: "_Coded", layers: int) -> Iterator[Reading]:
    """The printable runs of decoded bytes, and what is encoded in them in turn."""
    for count, match in enumerate(_PRINTABLE.finditer(coded.data)):
        if count >= MAX_DECODED_RUNS:
            return
        for first, last in coded.parts(*match.span()):

            def source(start: int, end: int, first: int = first) -> Stretch | None:
                return coded.source(first + start, first + end)

            run = Reading(data=coded.data[first:last], source=source)
            yield run
            if _LAYERED.search(run.data):
                yield from (_within(run, inner) for inner in readings(run.data, layers))


def _unescaped(data: bytes) -> Reading | None:
    """The lines that hold an escape, a character reference or a colour code, with these undone."""
    parts: list[bytes] = []
    marks: list[
        tuple[int, int, int]
    ] = []  # where a part begins: in the reading; where, and ends, in the text
    size = 0
    found = _HAS_ESCAPE.search(data)
    while found:
        cursor = data.rfind(b"\n", 0, found.start()) + 1
        line_end = data.find(b"\n", found.end()) + 1 or len(data)
        for match in _ESCAPES.finditer(data, cursor, line_end):
            start, end = match.span()
            if cursor < start:
                marks.append((size, cursor, start))
                parts.append(data[cursor:start])
                size += start - cursor
            part = _plain(match.group())
            if part:
                marks.append((size, start, end))
                parts.append(part)
                size += len(part)
            cursor = end
        if cursor < line_end:
            marks.append((size, cursor, line_end))
            parts.append(data[cursor:line_end])
            size += line_end - cursor
        found = _HAS_ESCAPE.search(data, line_end)
    return Reading(data=b"".join(parts), source=_mapped(marks, parts)) if parts else None


def _plain(escape: bytes) -> bytes:
    """What one escape stands for; nothing for a colour code."""
    if escape[:1] == b"%":
        return unhexlify(escape[1:])
    if escape[:1] == b"&":
        return unescape(escape.decode()).encode("utf-8", "surrogatepass")
    return _unquoted(escape) if escape[:1] == b"\\" else b""


def _unquoted(escape: bytes) -> bytes:
    """An escape of a string literal."""
    if escape[1:2] == b"x":
        return unhexlify(escape[2:])
    if escape[1:2] == b"u":
        units = [int(unit, 16) for unit in escape.replace(b"\\", b"").split(b"u")[1:]]
        wide = b"".join(unit.to_bytes(2, "little") for unit in units)
        return wide.decode("utf-16-le", "surrogatepass").encode("utf-8", "surrogatepass")
    return b"\x1b" if escape == rb"\033" else _SIGNS.get(escape[1:], escape[1:])


def _mapped(marks: list[tuple[int, int, int]], parts: list[bytes]) -> Callable[[int, int], Stretch | None]:
    """The way back through the marks; a part of another length than its source is taken as one."""
    starts = [mark[0] for mark in marks]

    def source(start: int, end: int) -> Stretch | None:
        first, last = bisect_right(starts, start) - 1, bisect_right(starts, end - 1) - 1
        begin, stop = marks[first][1], marks[last][2]
        if len(parts[first]) == marks[first][2] - begin:
            begin += start - marks[first][0]
        if len(parts[last]) == stop - marks[last][1]:
            stop = marks[last][1] + end - marks[last][0]
        return (begin, stop) if begin < stop else None

    return source


@dataclass(frozen=True, slots=True)
class _Coded:
    """Text decoded as if all of it were base64 or hexadecimal, beginning at one place.

    Attributes:
        text: What was decoded; what is no sign of the code stands for zero bits in `data`.
        data: The decoded bytes.
        shift: Where the first group begins.
        bits: What one sign stands for: 6 or 4.
        signs: The signs of the code.
    """

    text: bytes
    data: bytes
    shift: int
    bits: int
    signs: bytes

    def source(self, start: int, end: int) -> Stretch | None:
        """The signs behind a stretch of `data`, with the base64 around them; None if they are none."""
        first, last = self._signs(start, end)
        foreign = self.text[first:last].translate(None, self.signs)
        return None if foreign else _run(self.text, first, last)

    def parts(self, start: int, end: int) -> Iterator[Stretch]:
        """The parts of a stretch of `data` that are decoded from signs alone."""
        first, last = self._signs(start, end)
        for match in _SIGNS_RUN.finditer(self.text, first, last):
            begin = -(-(match.start() - self.shift) * self.bits // 8)
            stop = (match.end() - self.shift) * self.bits // 8
            if min(stop, end) - max(begin, start) >= MIN_RUN_BYTES:
                yield (max(begin, start), min(stop, end))

    def _signs(self, start: int, end: int) -> Stretch:
        last = self.shift - (-end * 8 // self.bits)
        return (self.shift + start * 8 // self.bits, min(last, len(self.text)))


def _base64(data: bytes) -> Iterator[_Coded]:
    """The text decoded at each of the four places at which a group may begin."""
    clean = data.translate(_FROM_BASE64) + b"AAAA"  # so that the last group is whole
    for shift in range(4):
        size = (len(clean) - shift) // 4 * 4
        yield _Coded(data, a2b_base64(clean[shift : shift + size]), shift, 6, _BASE64_ALPHABET)


def _hexadecimal(data: bytes) -> Iterator[_Coded]:
    if not _HEX_RUN.search(data):
        return
    clean = data.translate(_FROM_HEX)
    for shift in (0, 1):
        size = (len(clean) - shift) // 2 * 2
        yield _Coded(data, unhexlify(clean[shift : shift + size]), shift, 4, _HEX_ALPHABET)


def _run(data: bytes, start: int, end: int) -> Stretch:
    """The stretch with the base64 characters next to it."""
    first, last = max(0, start - MAX_RUN_BYTES), min(len(data), end + MAX_RUN_BYTES)
    while start > first and data[start - 1] in _RUN:
        start -= 1
    while end < last and (data[end] in _RUN or data[end] == ord("=")):
        end += 1
    return (start, end)
