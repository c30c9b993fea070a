"""A text and its case's canaries → what else in it looks like a live credential, as kinds and lines. Pure.

Two detectors read the text, the product's patterns (as it stands and decoded) and its second look, which
knows none of them. Known canaries are excused in every spelling. A finding never quotes the value.
Limits: those of the product's redaction; a password of plain words behind no telling key is not seen.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final
from urllib.parse import quote, quote_plus

from diagnose.assignment import assignments
from diagnose.block import pem_blocks
from diagnose.inspection import REQUEST, suspects
from diagnose.reading import readings
from diagnose.row import cells
from diagnose.secret import Finding, Kind
from diagnose.shape import shaped

CREDENTIALS: Final = frozenset(
    {Kind.AWS_KEY, Kind.CARD, Kind.IBAN, Kind.PASSWORD, Kind.PRIVATE_KEY, Kind.SECRET, Kind.SSN, Kind.TOKEN}
)
"""What must not be published; addresses, hosts, paths and account numbers of the lab are made up."""

MIN_SHARED_CHARS: Final = 6
"""So much of a canary in a found value, or the other way round, says that both are one."""

_KEY_ID: Final = re.compile(r"[A-Z0-9]{12,128}")
_HEAD_CHARS: Final = 3
_LONG_CHARS: Final = 16


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """Something that looks like a credential.

    Attributes:
        kind: The product's word for it, or "LOOKALIKE" from the second look.
        line: From 1; 0 when it stands only in decoded text.
        mark: Its length, and the first characters of a long one: enough to find it, too little to use it.
    """

    kind: str
    line: int
    mark: str


def sightings(text: str, canaries: Sequence[str]) -> tuple[Sighting, ...]:
    """Find what looks like a live credential and is no canary, each value once, in the order found."""
    text = REQUEST.sub(" ", text)  # random and public: the ids of AWS requests
    excused = tuple(form for canary in canaries for form in spellings(canary))
    found: dict[str, str] = {}
    for kind, value in chain(_matched(text), (("LOOKALIKE", value) for value in _alike(text))):
        if not _is_excused(value, excused):
            found.setdefault(value, kind)
    return tuple(
        Sighting(kind=kind, line=_line_of(value, text), mark=_mark(value)) for value, kind in found.items()
    )


def spellings(value: str) -> tuple[str, ...]:
    """Spell a value as logs hold it: plain, in URLs, JSON, XML, shells' quotes, hexadecimal and base64.

    Of base64 only the characters that the value alone decides, at each of the three alignments.
    """
    raw = value.encode()
    spelled = [
        value,
        quote(value, safe=""),
        quote_plus(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        html.escape(value),
        raw.hex(),
    ]
    for alignment in range(3):
        encoded = _aligned(raw, alignment)
        spelled += [encoded, encoded.replace("+", "-").replace("/", "_")]
    return tuple(dict.fromkeys(form for form in spelled if len(form) >= MIN_SHARED_CHARS))


def _aligned(raw: bytes, alignment: int) -> str:
    encoded = base64.b64encode(b"\x00" * alignment + raw).decode()
    return encoded[-(-alignment * 8 // 6) : (alignment + len(raw)) * 8 // 6]


def _matched(text: str) -> Iterator[tuple[str, str]]:
    data = text.encode("utf-8", "surrogatepass")
    decoded = dict.fromkeys(reading.data for reading in readings(data) if reading.searched)
    for source in (data, *decoded):
        for finding in chain(shaped(source), assignments(source), cells(source)):
            value = _value(source, finding)
            if finding.kind in CREDENTIALS and _is_live(finding.kind, value):
                yield finding.kind.value, value
        for stretches in pem_blocks(source):
            yield (
                Kind.PRIVATE_KEY.value,
                "".join(source[a:b].decode("utf-8", "replace") for a, b in stretches),
            )


def _value(data: bytes, finding: Finding) -> str:
    value = finding.value or b"".join(data[start:end] for start, end in finding.stretches)
    return value.decode("utf-8", "replace")


def _is_live(kind: Kind, value: str) -> bool:
    """Tell a credential from a name: an access key id that is no key id of AWS is a login's name."""
    return kind is not Kind.AWS_KEY or _KEY_ID.fullmatch(value) is not None


def _alike(text: str) -> Iterator[str]:
    return (value for value in suspects(text) if "@" not in value)  # mail addresses are no credentials


def _is_excused(value: str, excused: Iterable[str]) -> bool:
    return any(form in value or (len(value) >= MIN_SHARED_CHARS and value in form) for form in excused)


def _line_of(value: str, text: str) -> int:
    at = text.find(value)
    return text.count("\n", 0, at) + 1 if at >= 0 else 0


def _mark(value: str) -> str:
    head = f", begins {value[:_HEAD_CHARS]!r}" if len(value) >= _LONG_CHARS else ""
    return f"{len(value)} characters{head}"
