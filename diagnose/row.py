r"""A text → the secret cells of the rows of data in it, judged by the names of their columns.

`INSERT INTO t (a, password) VALUES (1, 'x')` (and the parameters that SQLAlchemy prints below it), tables as
Spark's `show()` and psql print them, CSV under a header, `{"columns": [...], "data": [[...]]}`; and the names
and birth dates of the rows that parsers and databases quote when they refuse them.
Limits: a header must be a line of plain names; a CSV row must have as many cells as its header; a row
without column names, and a line that tells an e-mail address or the like, loses full names, two names side
by side, old dates, phones and streets, and in brackets the cells that are made like a password.
"""

import re
from collections.abc import Generator, Iterator

from diagnose.candidate import accepted, is_credential
from diagnose.label import STEMS, STREET, Label, label_of, latin, small
from diagnose.personal import STEMS as PERSONAL_STEMS
from diagnose.secret import Finding, Kind, Stretch

MAX_ROWS = 100_000  # of one table
MAX_CELLS = 200
PARAMETERS_WITHIN_BYTES = 400  # between a statement and the line that quotes its parameters

_Q = rb"\\*[\"'`]?"
_STEM = latin(rb"(?i)" + STEMS + rb"|" + PERSONAL_STEMS)
_INSERT = latin(rb"(?i)\binto\s+[^\s(]+\s*\(([^()]+)\)\s*values\s*\(")
_COLUMNS = latin(
    rb"(?i)[\"'](?:columns|schema|fields|header)[\"']\s*:\s*\[([^\[\]{}]+)\]\s*,\s*"
    rb"[\"'](?:data|rows|values)[\"']\s*:\s*\[\s*[\[(]"
)
_PARAMETERS = latin(rb"(?i)\bparameters: ?\[?\(")
_CELL = latin(
    rb"\s*(?:[bBnNuU]?'((?:[^'\\\n]|''|\\.)*)(?:'|\z)|\\*\"((?:[^\"\\\n]|\\[^\"])*)\\*\""
    rb"|([^,()\[\]'\"\s]*(?:\([^()\n]*\))?))\s*([,)\]]?)"
)
_NEXT_ROW = latin(rb"\s*,\s*[(\[]")
_NAME = rb"[\"'`]?[A-Za-z_][\w.]*[\"'`]?"
_TITLE = rb"[A-Za-z_]\w*(?: \w+){0,3}"  # of CSV for people
_HEADER = latin(
    rb"(?m)^[ \t]*(?:\|[ \t]*)?" + _NAME + rb"(?:[ \t]*[|,;\t][ \t]*" + _NAME + rb"|[ \t]{2,}" + _NAME
    + rb")+[ \t]*\|?[ \t\r]*$|^" + _TITLE + rb"(?:," + _TITLE + rb"){2,}[ \t\r]*$"
)  # fmt: skip
_SETTING = latin(rb"(?:[\w-]+\.){2,}[\w-]+\z")
"""A setting's name in a table of settings: that line is no header."""
_LOGGED = small(rb"\[?[0-9][^\n]{0,40}\b(?:INFO|WARN|ERROR|DEBUG|TRACE|FATAL)\b")
_RULE = latin(rb"[ \t|+:=-]+\r?\z")
_WIDE = latin(rb"[ \t]{2,}")
_NARROW = latin(rb"[ \t]+")

_ROW = latin(
    rb"(?i)(?:row contains|malformed records? (?:is|are) detected[^:\n]*:|_corrupt_record"
    rb"|(?:pars|process|insert|convert|writ|load|read|deserializ|serializ|decod|handl"
    rb"|validat)\w*[ \t](?:\w+[ \t])?"
    rb"(?:row|record|line|tuple|event|entry|values?)\b[^\n]{0,30}?[:=(\[]"
    rb"|(?:bad|corrupt|corrupted|invalid|malformed|rejected|offending|dirty|skipped)[ \t]"
    rb"(?:row|record|line|input|tuple|entry|value)s?\b[^\n]{0,30}?[:=(\[]"
    rb"|\b(?:Row|record|tuple|line|values)[(\[:=]|for input string: |\bcopy \w+, line [0-9]+: "
    rb"|\bheader: )([^\n]+)"
)
_TOLD = latin(rb"\w@[\w-]+\.\w|\[REDACTED-(?:EMAIL|SSN|CARD|IBAN|PHONE|NAME|BIRTH-DATE)")
_GROUP = latin(
    rb"(?im)^([ \t]*)[\"']?[\w.-]*(?:passwords|secrets|credentials|tokens"
    rb"|api_?keys)[\"']?[ \t]*:[ \t]*\{?[ \t\r]*$"
)
_MEMBER = latin(rb"([ \t]+)[\"']?[\w.-]+[\"']?[ \t]*:[ \t]+[\"']?([^\s\"'{}\[\]]+)[\"']?,?[ \t\r]*\z")
_INLINE_GROUP = latin(
    rb"(?i)[\"']?\b\w*(?:passwords|secrets|api_?keys)\\*[\"']?[ \t]*[:=][ \t]*\{([^{}\n]+)\}"
)
_INLINE_MEMBER = latin(rb"[\w.-]+\\*[\"']?[ \t]*[:=][ \t]*\\*[\"']?([^\s\"',{}\\]+)")
_TRIGGER = latin(rb"(?i)\binto[ \t\n]|[\"'](?:columns|schema|fields|header)[\"'][ \t]*:")
_GROUP_WORD = latin(rb"(?i)(?:passwords|secrets|credentials|tokens|api_?keys)\\*[\"']?[ \t]*[:=]")
_MOMENT = latin(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MAX_MEMBERS = 50
MIN_TOKEN_BYTES = 20  # a shorter name of a column may hold digits
MIN_HUNTED_WORD = 8  # a shorter entry of a section may be a word
_GROUP_LABEL = Label(kind=Kind.SECRET)
_ENTRY_LABEL = Label(kind=Kind.PASSWORD)
# a line that names a type describes a column, and is no header
_TYPES = frozenset(
    b"string int integer bigint smallint tinyint long double float decimal boolean bool date times"
    b"tamp binary "
    b"varchar char text array map struct null nullable".split()
)
_EDGE = rb"[,|;\t(\[\]{\"'=:>][ ]{0,40}"
_AFTER = rb"[ ]{0,40}(?:[,|;\t()\]}\"'<\r\n]|\z)"
_NAME_WORD = rb"[A-Z\xc3][a-z\x80-\xff'-]+(?:[A-Z][a-z]+)?"
_PERSON = latin(
    _EDGE
    + rb"("
    + _NAME_WORD
    + rb"(?:-?[A-Z][a-z]+)?(?: [A-Z]\.)?(?: [A-Z\xc3][A-Za-z\x80-\xff'-]+){1,2})"
    + _AFTER
)
_BIRTH = latin(
    _EDGE + rb"((?:19[0-9]{2}|200[0-9]|201[0-2])[-/](?:0[1-9]|1[0-2])[-/][0-3][0-9]"
    rb"|[0-3][0-9][./](?:0[1-9]|1[0-2])[./](?:19[0-9]{2}|200[0-9]|201[0-2]))" + _AFTER
)
_PHONE = latin(_EDGE + rb"([2-9][0-9]{2}[-. ][0-9]{3}[-. ][0-9]{4})" + _AFTER)
_STREET = latin(_EDGE + rb"(" + STREET + rb")" + _AFTER)
_PERSONAL = (
    (_PERSON, Kind.NAME),
    (latin(rb"\"(" + _NAME_WORD + rb", " + _NAME_WORD + rb"(?: [A-Z]\.)?)\""), Kind.NAME),
    (_BIRTH, Kind.BIRTH_DATE),
    (_PHONE, Kind.PHONE),
    (_STREET, Kind.ADDRESS),
)
_TWO_NAMES = latin(
    rb"[,|;\t][ ]?(" + _NAME_WORD + rb")[\"']?[ ]?[,|;\t][ ]?[\"']?(" + _NAME_WORD + rb")[\"']?[ ]?[,|;\t]"
)
"""Cells, not the arguments of a call or the items of a list of two."""
_KEYED = latin(rb"(?i)\bkey \(([^()\n]+)\)=\(([^()\n]+)(?:\)|\z)")
_QUOTES = latin(
    rb"\)=\(|s: \$1 = |plicate entry|_unexpected_list|CAST_INVALID_INPUT|input_value=|s=\[", groups=False
)
"""Without it no message tells the values of a column."""
_BOUND = latin(rb"(?i)\bparameters: (\$1 = [^\n]+)")
_BOUND_VALUE = latin(rb"\$([0-9]{1,4}) = '((?:[^'\n]|'')*)")
_COMPARED = latin(rb"(?i)([\w.]+)[\"`]?[ ]?(?:=|<>|!=|[<>]=?|[ ]i?like)[ ]?\$([0-9]{1,4})")
_NUMBERED = latin(rb"\$([0-9]{1,4})")
STATEMENT_BYTES = 4096
_NAMED = (
    (latin(rb"(?i)\bduplicate entry ('[^'\n]+') for key '([^'\n]+)'"), 1, 2),
    (latin(rb"(?i)\"column\": \"([\w.]+)\"[^\n]{0,200}?_unexpected_list\": (\[[^\]\n]+\])"), 2, 1),
    (latin(rb"(?i)\bcolumn=([\w.]+)[^\n]{0,200}?_unexpected_list=(\[[^\]\n]+)"), 2, 1),
    (latin(rb"(?i)\] The value ('[^'\n]+') of [^\n]*\n[^\n]*?\bcast\(`?([\w.]+)`? as "), 1, 2),
    (latin(rb"(?m)^[ \t]*([\w.]+)[ \t\r]*\n[^\n]*\binput_value=('[^'\n]+)"), 2, 1),
    (latin(rb"(?i)\b(\w*(?:name|phone|birth\w*|ssn|iban|card\w*))s=(\[[^\]\n]+\])"), 2, 1),
)
"""With the groups of the values and of the name."""
_NAMED_CELL = latin(rb"[\['\",][ ]?([^\s\['\",\]][^'\",\]\n]*)")
_INDEX = re.compile(rb"(?i)^(?:.*\.)?(?:uk|uq|ux|ix|idx|unique)_|_(?:uk|uq|ix|idx|key|unique)$")
_RECORD_CELL = latin(rb"(?m)^[ \t]*([A-Za-z_][\w.-]*)[ \t]*\|[ \t]*([^|\n]+?)[ \t\r]*$")
_SECTION = latin(rb"(?im)^[ \t]*\[(?:users|passwords|secrets|credentials|accounts)\][ \t\r]*$")
_ENTRY = latin(rb"[ \t]*[\w.@-]+[ \t]*=[ \t]*[\"']?([^\s\"',;#]+)")
_PERSON_LABEL = Label(kind=Kind.NAME)
_BRACKETED = latin(rb"[ \t]?\w{0,20}[\[(]([^\[\]()\n]*)[\])]")
_VALUE = latin(rb"(?:^|,)[ ]?(?:\w+=)?[\"']?([^\s,\"'=]{8,100})[\"']?")
_CLASSES = (latin(rb"[A-Z]"), latin(rb"[a-z]"), latin(rb"[0-9]"), latin(rb"[+/!#$%^&*=~?@]"))
MIN_CLASSES = 3
"""Of capitals, small letters, digits and signs: ids and dates have one or two, made-up secrets three."""


def cells(data: bytes) -> Iterator[Finding]:
    """Yield the secret cells of every kind of row."""
    yield from _quoted_rows(data)
    yield from _sections(data)
    if not _STEM.search(data):
        return
    for pattern in (_INSERT, _COLUMNS) if _TRIGGER.search(data) else ():
        for match in pattern.finditer(data):
            labels = _labels(match.group(1).split(b","))
            if any(labels):
                yield from _tuples(data, match.end(), labels)
                told = _PARAMETERS.search(data, match.end(), match.end() + PARAMETERS_WITHIN_BYTES)
                if told:
                    yield from _tuples(data, told.end(), labels)
    yield from _told(data)
    if b"RECORD" in data:
        yield from _records(data)
    if _GROUP_WORD.search(data):
        yield from _groups(data)
    done = 0
    for match in _HEADER.finditer(data):
        if match.start() >= done:  # a row may look like a header: once read, it is none
            done = yield from _table(data, match.span())


def _told(data: bytes) -> Iterator[Finding]:
    """The values that a message quotes with the name of their column."""
    if _QUOTES.search(data):
        yield from _keyed(data)
        yield from _bound(data)
        yield from _named(data)


def _keyed(data: bytes) -> Iterator[Finding]:
    """The values of a key that is there already, as PostgreSQL quotes it."""
    for match in _KEYED.finditer(data):
        values, at = match.group(2).split(b", "), match.start(2)
        labels = _labels(match.group(1).split(b","))
        for value, label in zip(values, labels, strict=False) if len(values) == len(labels) else ():
            yield from _cell(value, (at, at + len(value)), label)
            at += len(value) + 2


def _bound(data: bytes) -> Iterator[Finding]:
    """The parameters that PostgreSQL logs below a statement, by the columns that it gives them to."""
    done = 0
    for told in _BOUND.finditer(data):
        statement = data[max(done, told.start() - STATEMENT_BYTES) : told.start()]
        done = told.end()
        names = {number: name for name, number in _COMPARED.findall(statement)}
        for insert in _INSERT.finditer(statement):
            values = statement[insert.end() :].split(b",")
            for name, value in zip(insert.group(1).split(b","), values, strict=False):
                names |= {number.group(1): name for number in _NUMBERED.finditer(value)}
        for value in _BOUND_VALUE.finditer(data, *told.span(1)):
            yield from _cell(value.group(2), value.span(2), *_labels([names.get(value.group(1), b"")]))


def _named(data: bytes) -> Iterator[Finding]:
    """The values that a message quotes beside the name of their column."""
    for pattern, value, name in _NAMED:
        for match in pattern.finditer(data):
            whole, bare = _labels([match.group(name), _INDEX.sub(b"", match.group(name))])
            label = whole or bare
            for cell in _NAMED_CELL.finditer(data, *match.span(value)) if label else ():
                yield from _cell(cell.group(1), cell.span(1), label)


def _records(data: bytes) -> Iterator[Finding]:
    """The cells of a table that was turned, one column a line."""
    for match in _RECORD_CELL.finditer(data):
        yield from _cell(match.group(2), match.span(2), *_labels([match.group(1)]))


def _sections(data: bytes) -> Iterator[Finding]:
    """The passwords of `[users]` in a file of settings, whatever the users are called."""
    for section in _SECTION.finditer(data):
        end = section.end()
        for _ in range(MAX_MEMBERS):
            start = data.find(b"\n", end) + 1
            end = data.find(b"\n", start) if start else -1
            end = len(data) if end < 0 else end
            entry = _ENTRY.match(data, start, end) if start else None
            if not entry:
                break
            if accepted(entry.group(1), _ENTRY_LABEL, strict=False):
                hunted = len(entry.group(1)) >= MIN_HUNTED_WORD
                yield Finding(kind=Kind.PASSWORD, stretches=(entry.span(1),), hunted=hunted)


def _groups(data: bytes) -> Iterator[Finding]:
    """The members of `passwords:` in YAML and JSON, whatever they are called."""
    for group in _GROUP.finditer(data):
        end, depth = group.end(), len(group.group(1))
        for _ in range(MAX_MEMBERS):
            start = data.find(b"\n", end) + 1
            if not start:
                break
            end = data.find(b"\n", start)
            end = len(data) if end < 0 else end
            member = _MEMBER.match(data[start:end])
            if not member or len(member.group(1)) <= depth:
                break
            first, last = member.span(2)
            yield from _secret(member.group(2), (start + first, start + last))
    for group in _INLINE_GROUP.finditer(data):
        for member in _INLINE_MEMBER.finditer(data, *group.span(1)):
            yield from _secret(member.group(1), member.span(1))


def _secret(text: bytes, stretch: Stretch) -> Iterator[Finding]:
    """A member of a group: it needs a digit, for groups hold names of secrets as well."""
    if (
        any(48 <= byte <= 57 for byte in text)
        and not text.isdigit()
        and not _MOMENT.match(text)
        and accepted(text, _GROUP_LABEL, strict=False)
    ):
        yield Finding(kind=Kind.SECRET, stretches=(stretch,))


def _labels(names: list[bytes]) -> list[Label | None]:
    """Judge the names of columns, with or without their table's."""
    bare = (name.strip(b" \t\r\n\\\"'`|") for name in names[:MAX_CELLS])
    return [label_of(name.rpartition(b".")[2]) for name in bare]


def _cell(text: bytes, stretch: Stretch, label: Label | None) -> Iterator[Finding]:
    if not label or stretch[0] >= stretch[1]:
        return
    formed = not label.form or label.form.match(text) or text.endswith(b"...")  # Spark cuts after 20 signs
    if formed and accepted(text, label, strict=label.weak):
        yield Finding(kind=label.kind, stretches=(stretch,))


def _tuples(data: bytes, position: int, labels: list[Label | None]) -> Iterator[Finding]:
    """The cells of `a, 'b'), (c, 'd')` from behind the first bracket on."""
    for _ in range(MAX_ROWS):
        for label in labels:
            match = _CELL.match(data, position)
            group = next((group for group in (1, 2, 3) if match.span(group)[0] >= 0), 0)
            yield from _cell(match.group(group) or b"", match.span(group), label)
            position = match.end()
            if match.group(4) != b",":
                break
        following = _NEXT_ROW.match(data, position)
        if not following:
            return
        position = following.end()


def _table(data: bytes, header: Stretch) -> Generator[Finding, None, int]:
    """The rows below a header that names a sensitive column; returns where they end."""
    line = data[slice(*header)]
    sign = next((sign for sign in (b"|", b"\t", b",", b";") if sign in line.strip()), b"")
    columns = _split(line, sign)
    names = [line[start:end] for start, end in columns]
    labels = _labels(names)
    named = zip(names, labels, strict=False)
    if any(len(name) >= MIN_TOKEN_BYTES and is_credential(name) and not label for name, label in named):
        return 0
    if not any(labels) or _SETTING.match(names[0]) or any(name.lower() in _TYPES for name in names):
        return 0
    start = header[1] + 1
    for _ in range(MAX_ROWS):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        row = data[start:end]
        if _LOGGED.match(row):
            return start
        if not _RULE.match(row):
            found = _split(row, sign) if row.strip() else []
            if not sign and len(found) == len(columns) + 1 and row[slice(*found[0])].isdigit():
                found = found[1:]  # pandas numbers its rows
            cut = (
                end == len(data)
                and len(found) in range(2, len(columns))
                and (sign == b"|" or b" " not in row)
            )
            if len(found) != len(columns) and not cut:
                return start
            for (first, last), label in zip(found, labels, strict=False):
                yield from _cell(row[first:last], (start + first, start + last), label)
        start = end + 1
        if start > len(data):
            break
    return start


def _split(line: bytes, sign: bytes) -> list[Stretch]:
    """The cells of a line, without blanks, quotes and the frame."""
    if not sign:
        gaps = [match.span() for match in (_WIDE if _WIDE.search(line.strip()) else _NARROW).finditer(line)]
    else:
        gaps, at, quoted = [], 0, False
        for at, byte in enumerate(line):
            if byte == ord('"'):
                quoted = not quoted
            elif byte == sign[0] and not quoted:
                gaps.append((at, at + 1))
    edges = [0, *(edge for gap in gaps for edge in gap), len(line)]
    spans = [_bare(line, *span) for span in zip(edges[::2], edges[1::2], strict=True)]
    if spans and spans[0][0] == spans[0][1] and (sign in {b"|", b""}):
        spans = spans[1:]
    if spans and spans[-1][0] == spans[-1][1] and (sign in {b"|", b""}):
        spans = spans[:-1]
    return spans


def _bare(line: bytes, start: int, end: int) -> Stretch:
    text = line[start:end]
    left = len(text) - len(text.lstrip(b" \t\r\"'`\\"))
    body = text.strip(b" \t\r\"'`\\")
    return (start + left, start + left + len(body))


def _quoted_rows(data: bytes) -> Iterator[Finding]:
    """People in the rows that an error message quotes, and on lines that tell more of them."""
    for row in _ROW.finditer(data):
        start, end = row.start(1) - 1, row.end(1)  # with the sign before, which is the edge of the first cell
        yield from _people(data, start, end)
        yield from _coded(data, start if data[start : start + 1] in {b"[", b"("} else start + 1, end)
    done = 0
    for told in _TOLD.finditer(data):
        if told.start() < done:
            continue
        start = data.rfind(b"\n", 0, told.start()) + 1
        done = data.find(b"\n", told.end())
        done = len(data) if done < 0 else done
        yield from _people(data, start, done)
        for pair in _TWO_NAMES.finditer(data, start, done):
            if all(accepted(name, _PERSON_LABEL, strict=False) for name in pair.groups()):
                yield from (Finding(kind=Kind.NAME, stretches=(pair.span(group),)) for group in (1, 2))


def _people(data: bytes, start: int, end: int) -> Iterator[Finding]:
    """Full names, birth dates, phones and streets in cells."""
    end = min(end + 1, len(data))  # the line's end is an edge
    for pattern, kind in _PERSONAL:
        position = start
        match = pattern.search(data, position, end)
        while match:
            span = match.span(1)
            if kind is not Kind.NAME or accepted(match.group(1), _PERSON_LABEL, strict=False):
                yield Finding(kind=kind, stretches=(span,))
            position = span[1]  # the sign behind one cell is the sign before the next
            match = pattern.search(data, position, end)


def _coded(data: bytes, start: int, end: int) -> Iterator[Finding]:
    """Cells of a bracketed row that are made like a password: nothing else tells what they are."""
    row = _BRACKETED.match(data, start, end)
    if not row:
        return
    first, text = row.start(1), row.group(1)
    for cell in _VALUE.finditer(text):
        if sum(pattern.search(cell.group(1)) is not None for pattern in _CLASSES) >= MIN_CLASSES:
            yield Finding(kind=Kind.SECRET, stretches=((first + cell.start(1), first + cell.end(1)),))
