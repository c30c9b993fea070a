r"""A text → the personal data that a message quotes away from the name of its field.

`Invalid cpf '…'`, `column "PASSPORT_NO", value: "…"`, `colname: nino | raw_field_value: …`, `ssn mismatch:
expected '…' got '…'`, `IN (…,…)`, `{"string": "…"}`: what stands on the line of the name, marked off on both
sides, and has the form that the name promises, is taken for the field's value.
Limits: one line, and of a long one so many bytes on either side of the name; a name that its value follows
at once has no other.
"""

from collections.abc import Iterator
from functools import lru_cache

from diagnose.candidate import accepted
from diagnose.label import Label, Pattern, label_of, latin, small
from diagnose.personal import KINDS, NAME, STEMS
from diagnose.secret import Finding, Kind

AROUND_BYTES = 400
_STEM = latin(rb"(?i)" + STEMS, groups=False)
_NAME_BYTES = b"-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_REST = small(rb"(?:\w|-[A-Za-z])*")
_KIND_OF = (
    rb"(?: (?:service|insurance|identity|identification|security|secu|holder|document|account|record))?"
)
_NUMBER = small(
    rb"(?i)" + _KIND_OF + rb"(?: (?:number|num|no|nr|id|code|card))?(?= ?[:=]| (?:is|was) (?-i:[A-Z0-9]))"
    rb"|" + _KIND_OF + rb" (?:number|num|no|nr|id|card)(?= [\\\"']*(?-i:[A-Z0-9]))"
)  # fmt: skip
_BEFORE = small(rb"(?:[A-Za-z]+ ){1,2}\Z")
MAX_NAME_BYTES = 60
"""Of a name, or of a value that lies across the end of a search."""
_OPEN = rb"(?:[\"'`(\[{,|=>:/]|\be\.g\.|[ \t]{2})[ \t]{0,40}(?:\\*[\"'`])?"
_CLOSE = rb"(?:\\*[\"'`)\]},|<;&/\n\r\t]|  | [|(]| (?:err|col|type)\w*[: ]|\.?[ \t]*\z)"
_SEPARATOR = (
    rb"(\\*[\"'`]?\]?)(?:[ \t]*(=>|->|:=|[:=>|,]|(?:is|was)\b)|([ \t]{2,}|[ \t]))[ \t]*(?:\r?\n[ \t]+)?"
)
_WRAP = rb"(?:Some\(|AttributeValue\(S=|\{\\*[\"'`]?\w+\\*[\"'`]?[:=][ ]?)?(?:b?\\*[\"'`])?"
_SEPARATED = latin(_SEPARATOR + rb"(.?)")
_PLACE = latin(rb"[0-9]{1,4}\]")
"""A column's number, as Snowflake names it behind the column."""
_CODED = small(rb"-?[0-9]")
"""A name that goes on so is the beginning of a value: `MRN-…`."""
_COUNTED = small(
    rb"(?i)\b(?:offset|rows?|records?|partitions?|count|size|bytes|lag|lines?|took)[\"']?[ ]?[:=][ ]?\Z"
)
_TOLD = small(rb"value:? (?:is )?\(?\Z")
_SCHEMA = small(rb"[ \t]*(?:[Ss]chema|[Hh]eader|[Cc]olumns)[ \t]*[:=]")
_DAY = small(rb"(?:19|20)[0-9]{2}[-/][0-9]{2}[-/][0-9]{2}\Z")
_QUOTES = frozenset(b"\"'`")
_LOOSE = frozenset([b",", b" ", b"\t"])
"""What no name or street stands behind: words follow everything."""
_OWNS = frozenset([b"=>", b"->", b":=", b"="])
"""What stands between a name and its value and nothing else."""
MIN_DIGITS = 7
"""A shorter number is somebody's count."""
_PEOPLE = rb"Person|Customer|Patient|Employee|Member|Client|Contact|Passenger|Guest|Applicant"
_GIVEN = rb"([A-Z\xc3-\xc5][A-Za-z\x80-\xff'-]+)"
_OBJECTS = tuple(
    latin(pattern)
    for pattern in (
        rb"[\"']first[\"']\s{0,9}:\s{0,9}[\"']"
        + _GIVEN
        + rb"[\"'],\s{0,9}[\"'](?:middle[\"'][^\n]{0,40}?[\"'])?last[\"']\s{0,9}:\s{0,9}[\"']"
        + _GIVEN,
        rb"[\"']family[\"']\s{0,9}:\s{0,9}[\"']"
        + _GIVEN
        + rb"[\"'],\s{0,9}[\"']given[\"']\s{0,9}:\s{0,9}\[?\s{0,9}[\"']"
        + _GIVEN,
        rb"\b[A-Za-z]*(?:"
        + _PEOPLE
        + rb")[A-Za-z]*\((?:[0-9]+,[ ]?)?"
        + _GIVEN
        + rb",[ ]?"
        + _GIVEN
        + rb",[^\n]{0,80}(?:\[REDACTED-|[0-9]{4}-[0-9]{2}-[0-9]{2})",
    )
)
"""A person's two names in an object of their own."""
_OBJECT = latin(rb"(?:first|given)[\"']\s{0,9}:|(?:" + _PEOPLE + rb")[A-Za-z]*\(", groups=False)


@lru_cache(maxsize=64)
def _patterns(form: bytes) -> tuple[Pattern, Pattern]:
    """The value behind its name, and anywhere between two marks."""
    at_once = latin(_SEPARATOR + _WRAP + rb"(" + form + rb")(?:[^A-Za-z0-9_]|\z)")
    return at_once, latin(_OPEN + rb"(" + form + rb")" + _CLOSE)


def quoted(data: bytes) -> Iterator[Finding]:
    """Yield the values of personal fields that are named on the same line."""
    searched: dict[bytes, int] = {}
    last = 0
    for stem in _STEM.finditer(data):
        if stem.end() > last:
            first, last = _name(data, *stem.span())
            label, last = _label(data, first, last)
            begun = _CODED.match(data, last)
            if label and not begun and not data.endswith(b"[REDACTED-", 0, first):
                yield from _values(data, first, last, label, searched)
    for pattern in _OBJECTS if _OBJECT.search(data) else ():
        for names in pattern.finditer(data):
            yield from (Finding(kind=Kind.NAME, stretches=(names.span(group),)) for group in (1, 2))


def _values(
    data: bytes, first: int, last: int, label: Label, searched: dict[bytes, int]
) -> Iterator[Finding]:
    """The value behind a name, or those on its line where none belongs to it at once.

    `searched` tells of each form where the last search for it ended: no stretch is searched twice.
    """
    start = data.rfind(b"\n", max(0, first - AROUND_BYTES), first) + 1 or max(0, first - AROUND_BYTES)
    if _SCHEMA.match(data, start, first) and start > 1:  # below the record
        start = data.rfind(b"\n", max(0, start - AROUND_BYTES), start - 1) + 1
    end = data.find(b"\n", last, last + AROUND_BYTES)
    end = min(len(data), last + AROUND_BYTES) if end < 0 else end + 1
    form: bytes = NAME if label.kind is Kind.NAME else label.form.pattern
    at_once, anywhere = _patterns(form)
    behind = at_once.match(data, last, min(len(data), last + AROUND_BYTES))
    words = label.kind in {Kind.NAME, Kind.ADDRESS, Kind.BIRTH_DATE}
    listed = behind and words and (behind.group(2) or behind.group(3)) in _LOOSE
    if behind and not listed and _fits(behind.group(4), label, marked=True):
        yield Finding(kind=label.kind, stretches=(behind.span(4),))
        return
    apart = _SEPARATED.match(data, last, end)
    owns = apart and (apart.group(2) in _OWNS or (apart.group(1) and apart.group(2) == b":"))
    if owns and not _PLACE.match(data, apart.start(4), end):
        if apart.group(4) not in {b"[", b"{"} or data.startswith(b"[REDACTED-", apart.start(4)):
            return
        start = apart.start(4)
    start = max(start, searched.get(form, 0) - MAX_NAME_BYTES)
    if start < end and searched.get(form, 0) < end:
        searched[form] = end
        yield from _on_line(data, start, end, label, anywhere)


def _name(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the name lies that holds a stem."""
    before = data[max(0, start - MAX_NAME_BYTES) : start]
    rest = _REST.match(data, end, end + MAX_NAME_BYTES)
    word = before[len(before.rstrip(_NAME_BYTES)) :].lstrip(b"-")  # of a flag
    return start - len(word), rest.end() if rest else end


def _label(data: bytes, start: int, end: int) -> tuple[Label | None, int]:
    """Judge a field's name, spelled as one word or as several, and tell where it ends."""
    name, number = data[start:end], _NUMBER.match(data, end, end + MAX_NAME_BYTES)
    label = None
    if number:
        before = _BEFORE.search(data[max(0, start - MAX_NAME_BYTES) : start])
        if before or number.group():
            label = label_of((before.group() if before else b"") + name + number.group())
            end = number.end()
    if not label and name.lower() != b"name":  # which names tables, columns and what is imported as well
        label = label_of(name)
    return (label if label and label.form and label.kind in KINDS else None), end


def _on_line(data: bytes, start: int, end: int, label: Label, pattern: Pattern) -> Iterator[Finding]:
    """Every value of the label's form between two marks."""
    value = pattern.search(data, start, end)
    while value:
        first, last = value.span(1)
        counted = _COUNTED.search(data[max(0, first - 16) : first])
        if not counted and _fits(
            value.group(1), label, marked=data[first - 1] in _QUOTES or _is_told(data, first)
        ):
            yield Finding(kind=label.kind, stretches=((first, last),))
        value = pattern.search(data, last, end)  # the mark behind one value is the mark before the next


def _is_told(data: bytes, start: int) -> bool:
    """Whether the words before a place say that a value follows."""
    return _TOLD.search(data[max(0, start - 12) : start]) is not None


def _fits(text: bytes, label: Label, *, marked: bool) -> bool:
    if label.kind is Kind.NAME:
        return (marked or b" " in text) and accepted(text, label, strict=False)
    if label.kind is Kind.BIRTH_DATE or label.kind is Kind.ADDRESS:
        return not text.startswith((b"ERROR", b"WARN", b"INFO")) and accepted(text, label, strict=False)
    if text.startswith(b"ID "):
        return False
    digits = sum(48 <= byte <= 57 for byte in text)
    return not _DAY.match(text) and (digits >= MIN_DIGITS or (not text.isdigit() and len(text) > MIN_DIGITS))
