"""Text → the same text, each secret replaced by a numbered placeholder: `password=[REDACTED-PASSWORD-1]`.

SECURITY BOUNDARY 1: nothing leaves for a model, a log record, a report or a payload before it went through
here.
A session first finds the values in all texts, then removes them everywhere, their URL, base64 and hexadecimal
forms included. Lines are kept: a secret over several lines is replaced line by line. Redacting twice changes
nothing.
Every pattern runs on RE2, so time grows with the length of the text, whatever a pattern from outside looks
like.
Limits: a secret with no telling key, shape or known value is not seen; see docs/adr/0003-redaction.md.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain

import re2

from diagnose.assignment import assignments
from diagnose.block import pem_blocks
from diagnose.column import quoted
from diagnose.encoding import plain
from diagnose.errors import UsageError
from diagnose.hunt import Hunt, Identity, Match
from diagnose.interchange import recorded
from diagnose.label import Pattern, latin, small
from diagnose.neighbour import neighbours
from diagnose.reading import Reading, readings
from diagnose.row import cells
from diagnose.secret import MIN_HUNTED_BYTES, NOT_HUNTED, Finding, Kind, Stretch
from diagnose.shape import shaped

MAX_PASSES = 8  # a placeholder may open the edge that a neighbour lacked; logs need two passes

_PLACEHOLDER = small(rb"\[REDACTED-([A-Z0-9]+(?:-[A-Z][A-Z0-9]*)*)(?:-([0-9]{1,9}))?\]")
# a bucket's name that no word of a log is likely to be: a dash, and another dash or a digit behind it
_BUCKET = latin(rb"(?:s3[an]?:(?:\\*/){2}|arn:aws[a-z-]*:s3:::)([a-z0-9]+-[a-z0-9.-]*(?:-|[0-9])[a-z0-9.-]*)")
_LINE_BREAK = small(rb"[\n\r\x0b\x0c\x1c-\x1e]|\xc2\x85|\xe2\x80[\xa8\xa9]")  # all that str.splitlines knows


def redact(text: str) -> str:
    """Redact one text by itself, with the default patterns and numbers.

    Args:
        text: Any string; lone surrogates are allowed.

    Returns:
        The text with as many lines; secrets are placeholders such as `[REDACTED-AWS-KEY-1]`.
    """
    return _default().session().text(text)


class Redactor:
    """The compiled patterns; immutable, made once and shared.

    Args:
        extra_patterns: RE2 patterns (REDACTION_EXTRA_PATTERNS); group 1, or else the match, becomes CUSTOM.
            `^` and `$` stand for the ends of a line.
        numbered: Whether placeholders carry a number per value (`[REDACTED-IP-1]`) or none (`[REDACTED-IP]`).

    Raises:
        UsageError: An extra pattern is not valid RE2; the message quotes it.
    """

    __slots__ = ("_extra", "_numbered")

    def __init__(self, extra_patterns: Sequence[str] = (), numbered: bool = True) -> None:  # noqa: FBT001, FBT002 - the contract
        self._extra = tuple(_extra(pattern) for pattern in extra_patterns)
        self._numbered = numbered

    def session(self) -> "Redaction":
        """Begin one incident: values and numbers are remembered until it is dropped."""
        return Redaction(self._extra, numbered=self._numbered)


class Redaction:
    """One incident: remembers the values it found and the numbers it gave. Made by `Redactor.session`."""

    __slots__ = ("_extra", "_hunt", "_identities", "_issued", "_learned", "_numbered", "_numbers")

    def __init__(self, extra: tuple[Pattern, ...], *, numbered: bool) -> None:
        self._extra = extra
        self._numbered = numbered
        self._identities: dict[bytes, Identity] = {}
        self._numbers: dict[Identity, int] = {}
        self._issued: dict[str, int] = {}
        self._learned: set[bytes] = set()  # the values that are hunted, in all their forms
        self._hunt = Hunt()

    def text(self, text: str) -> str:
        """Redact one more text of the incident."""
        return self.texts((text,))[0]

    def texts(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Redact texts together: a value found in one of them, or in an earlier call, is removed from all.

        Args:
            texts: Any strings, in the order in which numbers shall be given.

        Returns:
            As many texts, each with as many lines as before.
        """
        data = [text.encode("utf-8", "surrogatepass") for text in texts]
        for item in data:
            self._reserve(item)
        pending = set(range(len(data)))
        encoded = True  # placeholders make no new base64: after one pass only a new value calls for it
        for count in range(MAX_PASSES):
            if not pending:
                break
            found = {
                index: _scanned(data[index], self._extra, encoded=encoded, again=count > 0)
                for index in sorted(pending)
            }
            learned = sum(self._learn(data[index], scan) for index, scan in found.items()) > 0
            if learned:
                found = {index: _complete(data[index], found.get(index)) for index in range(len(data))}
            encoded = learned
            pending = {index for index, scan in found.items() if self._rewrite(data, index, scan)}
        return tuple(item.decode("utf-8", "surrogatepass") for item in data)

    def _reserve(self, data: bytes) -> None:
        """Numbers that stand in a text already are not given again."""
        for match in _PLACEHOLDER.finditer(data):
            kind, number = match.group(1).decode(), int(match.group(2) or 0)
            self._issued[kind] = max(self._issued.get(kind, 0), number)

    def _learn(self, data: bytes, scan: "_Scan") -> bool:
        """Remember the values; True when one is new and must be hunted."""
        grew = False
        for finding in scan.findings:
            value = _joined(data, finding)
            hunted = finding.hunted and finding.kind not in NOT_HUNTED
            if value in (self._learned if hunted else self._identities) and len(finding.stretches) < 2:
                continue
            forms = plain(value)
            identity = self._identify(value, finding.kind, forms)
            if not hunted:
                continue
            self._learned.add(value)
            for part in (value, *forms, *_pieces_worth(data, finding)):
                grew |= self._hunt.add(part, identity)
            bucket = _BUCKET.match(value) if finding.kind is Kind.S3_PATH else None
            if bucket:
                name = bucket.group(1)
                grew |= self._hunt.add(name, self._identify(name, Kind.S3_PATH, plain(name)))
        return grew

    def _identify(self, value: bytes, kind: Kind, forms: tuple[bytes, ...]) -> Identity:
        """The secret that a value is; `forms` are what it stands for if it is encoded."""
        known = self._identities.get(value)
        if known:
            return known
        spelled = (value, *forms)
        known = next((self._identities[text] for text in spelled if text in self._identities), None)
        identity = known or (kind, value)
        for text in spelled:
            self._identities.setdefault(text, identity)
        return identity

    def _rewrite(self, data: list[bytes], index: int, scan: "_Scan") -> bool:
        """Replace findings and hunted values in one text; True when something changed."""
        item = data[index]
        matches: list[Match] = []
        for finding in scan.findings:
            identity = self._identities[_joined(item, finding)]
            matches += [(start, end, identity) for start, end in finding.stretches]
        if self._hunt:
            matches += self._hunt.matches(item, scan.others)
        if not matches:
            return False
        parts, cursor = [], 0
        for start, end, identity in _resolved(item, matches):
            parts += [item[cursor:start], self._placeholder(identity)]
            cursor = end
        data[index] = b"".join([*parts, item[cursor:]])
        return cursor > 0

    def _placeholder(self, identity: Identity) -> bytes:
        kind = identity[0].value
        if not self._numbered:
            return f"[REDACTED-{kind}]".encode()
        if identity not in self._numbers:
            self._issued[kind] = self._numbers[identity] = self._issued.get(kind, 0) + 1
        return f"[REDACTED-{kind}-{self._numbers[identity]}]".encode()


def _pieces_worth(data: bytes, finding: Finding) -> list[bytes]:
    """The parts of a wrapped value that are long enough to be hunted by themselves."""
    if len(finding.stretches) < 2:
        return []
    return [data[start:end] for start, end in finding.stretches if end - start >= 2 * MIN_HUNTED_BYTES]


def _joined(data: bytes, finding: Finding) -> bytes:
    return finding.value or b"".join(data[start:end] for start, end in finding.stretches)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    """What one pass sees in one text.

    Attributes:
        findings: What is to be removed, the surest kind first.
        others: The other readings of the text.
        encoded: Whether these hold base64 and hexadecimal.
    """

    findings: list[Finding]
    others: list[Reading]
    encoded: bool


def _scanned(data: bytes, extra: tuple[Pattern, ...], *, encoded: bool, again: bool) -> _Scan:
    others = list(readings(data, encoded=encoded))
    findings = [*_found(data, extra, again=again)]
    seen: dict[bytes, list[Finding]] = {}  # the head of every JWT is the same
    for reading in others:
        if reading.searched:
            if reading.data not in seen:
                seen[reading.data] = [*_found(reading.data, extra, again=again)]
            findings += (located for item in seen[reading.data] for located in _located(item, reading))
    return _Scan(findings=findings, others=others, encoded=encoded)


def _complete(data: bytes, scan: _Scan | None) -> _Scan:
    """The scan with all readings, in which a new value is hunted."""
    if scan and scan.encoded:
        return scan
    return _Scan(findings=scan.findings if scan else [], others=list(readings(data)), encoded=True)


def _located(finding: Finding, reading: Reading) -> Iterator[Finding]:
    """A finding in another reading as one in the text itself."""
    value = _joined(reading.data, finding)
    spans = [reading.source(start, end) for start, end in finding.stretches]
    stretches = tuple(span for span in spans if span)
    if stretches:
        yield replace(finding, stretches=stretches, value=value)


def _found(data: bytes, extra: tuple[Pattern, ...], *, again: bool = False) -> Iterator[Finding]:
    """Every finding in one text, the surest kind first; none whose key is a word of a placeholder."""
    found = chain(
        _custom(data, extra),
        _blocks(data),
        shaped(data, again=again),
        assignments(data),
        neighbours(data),
        cells(data),
        quoted(data),
        recorded(data),
    )
    walls = _walls(data)
    return (finding for finding in found if not _walled(finding, walls)) if walls else found


def _walled(finding: Finding, walls: list[Stretch]) -> bool:
    start = finding.stretches[0][0]
    wall = bisect_left(walls, (start,)) - 1
    return wall >= 0 and start < walls[wall][1]


def _walls(data: bytes) -> list[Stretch]:
    """Where placeholders stand."""
    return [match.span() for match in _PLACEHOLDER.finditer(data)] if b"[REDACTED" in data else []


def _custom(data: bytes, extra: tuple[Pattern, ...]) -> Iterator[Finding]:
    for pattern in extra:
        for match in pattern.finditer(data):
            span = match.span(1) if pattern.groups and match.span(1)[0] >= 0 else match.span()
            if span[0] < span[1]:
                yield Finding(kind=Kind.CUSTOM, stretches=(span,))


def _blocks(data: bytes) -> Iterator[Finding]:
    for stretches in pem_blocks(data):
        yield Finding(kind=Kind.PRIVATE_KEY, stretches=tuple(stretches))


def _resolved(data: bytes, matches: list[Match]) -> Iterator[Match]:
    """Matches in order, without overlap, without line ends and without what is a placeholder already."""
    walls = _walls(data) if matches else []
    cursor = wall = 0
    for start, end, identity in sorted(matches, key=lambda match: (match[0], -match[1])):
        if end <= cursor:
            continue
        begin = max(start, cursor)
        while wall < len(walls) and walls[wall][1] <= begin:
            wall += 1
        for piece in _pieces(data, begin, end, walls, wall):
            yield (*piece, identity)
            cursor = piece[1]


def _pieces(data: bytes, start: int, end: int, walls: list[Stretch], wall: int) -> Iterator[Stretch]:
    """What of a stretch is to be replaced: whole characters outside placeholders and line ends."""
    while 0 < start < len(data) and data[start] & 0xC0 == 0x80:
        start -= 1
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end += 1
    at, touched = start, False
    while wall < len(walls) and walls[wall][0] < end:
        touched = True
        yield from _on_lines(data, at, min(walls[wall][0], end), touched=True)
        at = max(at, walls[wall][1])
        wall += 1
    yield from _on_lines(data, at, end, touched=touched)


def _on_lines(data: bytes, start: int, end: int, *, touched: bool) -> Iterator[Stretch]:
    if start >= end:
        return
    if not touched and not _LINE_BREAK.search(data, start, end):
        yield (start, end)
        return
    for match in [*_LINE_BREAK.finditer(data, start, end), None]:
        stop = match.start() if match else end
        if start < stop and (
            not touched or any(byte > 127 or chr(byte).isalnum() for byte in data[start:stop])
        ):
            yield (start, stop)
        start = match.end() if match else end


def _extra(pattern: str) -> Pattern:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
        return re2.compile(b"(?m:" + pattern.encode() + b")", options)
    except (re2.error, UnicodeEncodeError) as error:
        message = (
            f"REDACTION_EXTRA_PATTERNS: {pattern!r} is not valid RE2 ({error}); correct it or leave it out"
        )
        raise UsageError(message) from error


@cache
def _default() -> Redactor:
    return Redactor()
