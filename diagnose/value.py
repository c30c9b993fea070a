r"""A place behind a key → where the value that begins there lies: quoted, bare, or on the next line.

Quotes of every kind and depth, wrappers (`Some(`, `SecretStr(`, `[`, `{"value":`), YAML tags, anchors and
blocks, triple quotes, colour codes; a bare value ends before the next parameter and at its own last bracket.
Limits: a bare value ends at a blank and is followed for at most 4,096 bytes.
"""

import re
from collections.abc import Iterator

from diagnose.block import wrapped
from diagnose.label import Label, Pattern, latin, small
from diagnose.secret import Stretch

_COLOUR = rb"(?:\x1b|\^\[|\\u001[bB]|\\x1[bB]|\\033|\\e)\[[0-9;]*m"
DECO = rb"(?:[ \t]|" + _COLOUR + rb")*"
QUOTE = rb"(?:\\*[\"'`]|&quot;|&#34;|&#39;|&apos;|%22|%27|\\u002[27])"
PREFIX = (
    rb"(?:\[?[0-9][0-9/:.,TZUC+ -]*\]?[ \t]*(?:\{[^{}\n]*\}[ \t]*)?)?"
    rb"\[?(?:INFO|WARN|ERROR|DEBUG|TRACE|FATAL)\]?[ \t]+"
    rb"[^\s\"']+(?:[ \t]+\([^)\n]*\))?:?[ \t]+"
)
GAP = DECO + rb"(?:\\?(?:\r?\n|\r)[ \t]*(?:" + PREFIX + rb")?)?" + DECO  # blanks, at most one line end
_NESTED = (
    rb"\{"
    + GAP
    + QUOTE
    + rb"(?:\w*value|s|val|data|text|plain|plaintext|raw|content|secret|current|main|primary|default)"
    + QUOTE
    + DECO
    + rb":"
    + GAP
)
_WRAP = (
    rb"(?:\((?=[\"'])|Some\(|Optional\[|(?-i:(?:[A-Z][A-Za-z]{0,20})?Secret)(?:Str(?:ing)?|Value)?\((?:value=)?|ENC\(|\[|"
    + _NESTED
    + rb")?"
)
_OPEN = small(rb"(?i)" + GAP + _WRAP + rb"[burfn]?(?:\"{2}|'{2})?(" + QUOTE + rb")" + DECO)
_TRIPLE = latin(rb"[ \t]*\\?\r?\n[ \t]*([^\n]*?)[ \t\r]*(?:\"{3}|'{3}|\n|\z)")
_START = small(DECO + _WRAP + rb"(?:(?:!{1,2}[A-Za-z/:.-]*|&\w+)[ \t]+)*")
_RUN = latin(rb"(?:[^\s\"'`<>\\\x0b\x1b\x1c-\x1e]|[\"'][A-Za-z0-9]|\\+[^\"'`\\nrt\s\x1b])+")
_NEXT_LINE_MARK = small(rb"[|>][+-]?[0-9]?[ \t]*\r?\n[ \t]*")
_NEXT_LINE = latin(
    rb"[ \t]*(?:[|>][+-]?[0-9]?)?[ \t]*(?:\r?\n[ \t]+|\r)(?:-[ \t]+)?[\"']?([^\s\"'<>]+)[\"']?[ \t,"
    rb";\\\r]*(?:\n|\z)"
)
_NEXT_LOGGED = latin(rb"[ \t]*\r?\n[ \t]*" + PREFIX + rb"([^\s\"'<>0-9]*[0-9][^\s\"'<>]*)[ \t\r]*(?:\n|\z)")
_CUT = latin(
    rb"&(?:quot|apos|lt|gt|amp|#[0-9]+);|[,;|&?]\w[\w.-]*(?:=|:|->)|\\u00(?:2[267]|3[ce])"
    rb"|%(?:25)?2[27]|%0[AaDd]|\^@"
)
_CUT_ENCODED = latin(rb"%(?:25)?(?:26|3B|2C|7D|29)|&")
_CUT_QUERY = latin(rb"&")
_CUT_LOGIN = latin(rb"@")  # before the host of a URL
_STRUCTURE = small(
    rb"[\[({]*\{[ \t]*(?:\\*[\"'][\w. -]*\\*[\"'][ \t]*:|[A-Za-z_][\w.-]*:[ \t])"
)  # no value, others inside
_BRACED = small(rb"\{([^\s{}\"']{3,128})\}(?=[\s;,)\]}<\"']|\Z)")  # of ODBC, whatever signs it holds
_NEXT_KEY = small(rb",\\*[\"'][A-Za-z][\w.-]*\z")  # of JSON, behind a number or `null`
_ADJACENT = small(rb"([\"'])[ \t]*\\?\r?\n[ \t]+[urbf]?\1([^\"'\n\\]{1,512})\1(?=[ \t]*[,)\]}\\\r\n])")
_OBJECT = small(rb'\{[ \t]*(\\{0,15})"')
_OPEN_FIELDS = frozenset(
    b"username user host hostname port engine dbname database dbinstanceidentifier"
    b" dbclusteridentifier".split()
)
_CLOSER = small(rb"[)\]}]")
_CLOSERS = {b")": b"(", b"]": b"[", b"}": b"{"}

_ENCLOSING = small(rb"([\"'])(?:-D|--)?\z")
_ENCLOSED = small(rb"(?<==)(?![${])(?:[^\s\"'&;,\\]|[&;,](?!\w+[=:])|[ ](?![\w.-]+=|-)){3,200}")
_OPTION = small(rb"(?:--(?:conf|define|hiveconf|hivevar|env|set)[ =]|-[eDPV][ ]?)[\"'](?:-D|--)?\z")
MAX_OPTION_BYTES = 16
MAX_ADJACENT = 50
MAX_QUOTED_BYTES = 1 << 16  # beyond it a quote is taken for a stray one
MAX_RUN_BYTES = 1 << 12  # so that many open runs cost no more than their text
SHORT_RUN_BYTES = 512  # most unquoted values; only a longer one is read to its end


def value_at(data: bytes, position: int, label: Label, cut: Pattern) -> tuple[tuple[Stretch, ...], bool]:
    """The stretches of the value that begins, behind blanks and quotes, at `position`; is it quoted?"""
    opened = _OPEN.match(data, position)
    bare = None if opened else _START.match(data, position)
    start = opened.end() if opened else bare.end() if bare else position
    end = _closing(data, start, opened.group(1)) if opened else -1
    if label.form:
        mark = None if opened else _NEXT_LINE_MARK.match(data, start)
        start = mark.end() if mark else start
        match = label.form.match(data, start, end if end >= 0 else _line_end(data, start))
        return ((match.span(),) if match else ()), bool(opened)
    if end >= 0:
        return ((start, end), *_adjacent(data, end)), True
    if not opened and _STRUCTURE.match(data, start):
        return (), False
    braced = None if opened else _BRACED.match(data, start)
    if braced and not braced.group(1).isalpha():  # `{word}` is a variable of a template
        return (braced.span(1),), True
    block = None if opened else _NEXT_LINE_MARK.match(data, start)
    run = None if block else _RUN.match(data, start, start + SHORT_RUN_BYTES)
    if run:
        end = _trimmed(data, start, run.end(), cut)
        if end == start + SHORT_RUN_BYTES:
            end = _trimmed(data, start, _RUN.match(data, start, start + MAX_RUN_BYTES).end(), cut)
        return ((start, end), *wrapped(data, start, end)), False
    if opened:
        triple = opened.group().rstrip().endswith((b'"' * 3, b"'" * 3))
        below = _TRIPLE.match(data, start) if triple else None
    else:
        below = _NEXT_LINE.match(data, start) or _NEXT_LOGGED.match(data, start)
    return ((below.span(1), *wrapped(data, *below.span(1))) if below else ()), False


def enclosed(data: bytes, key_start: int, position: int) -> Stretch | None:
    """The value of `'-Dkey=value'` up to the quote, whatever signs it holds; an option's with blanks too."""
    before = data[max(0, key_start - MAX_OPTION_BYTES) : key_start]
    opened = _ENCLOSING.search(before)
    value = _ENCLOSED.match(data, position) if opened else None
    if not opened or not value or data[value.end() : value.end() + 1] != opened.group(1):
        return None
    return value.span() if b" " not in value.group() or _OPTION.search(before) else None


def cut_of(data: bytes, key_start: int, separator: bytes) -> Pattern:
    """What ends a value of a URL, judged by what stands before and behind its key; None elsewhere."""
    if b"%" in separator:
        return _CUT_ENCODED
    if data[key_start - 1 : key_start] in {b"?", b"&"}:
        return _CUT_QUERY
    return _CUT_LOGIN if data.endswith(b"://", 0, key_start) else None


def members(data: bytes, stretches: tuple[Stretch, ...]) -> list[tuple[Stretch, ...]]:
    """What of a quoted value is secret: all of it, or of flat JSON, as AWS keeps it, most fields' values."""
    start, end = stretches[0]
    opened = _OBJECT.match(data, start, end)
    if not opened:
        return [stretches]
    quote = rb"(?<!\\)" + re.escape(opened.group(1)) + rb'"'
    member = re.compile(
        rb"[ \t]*" + quote + rb"([^\"\\]{1,200})" + quote + rb"[ \t]*:[ \t]*"
        rb"(?:" + quote + rb"(.*?)" + quote + rb"|([\w.+-]+)|\[REDACTED-[\w-]+\])[ \t]*([,}])"
    )  # fmt: skip
    found: list[tuple[Stretch, ...]] = []
    place, sign = data.index(b"{", start) + 1, b","
    while sign == b",":
        item = member.match(data, place, end)
        if not item:  # nested, or no JSON after all
            return [stretches]
        span = max(item.span(2), item.span(3))
        if item.group(1).lower() not in _OPEN_FIELDS and span[0] < span[1]:
            found.append((span,))
        place, sign = item.end(), item.group(4)
    return found if place == end else [stretches]


def _adjacent(data: bytes, end: int) -> Iterator[Stretch]:
    """The strings on the next lines that Python joins to the one whose quote is at `end`."""
    match = _ADJACENT.match(data, end)
    for _ in range(MAX_ADJACENT):
        if not match:
            return
        yield match.span(2)
        match = _ADJACENT.match(data, match.end() - 1)


def _line_end(data: bytes, position: int) -> int:
    end = data.find(b"\n", position, position + MAX_QUOTED_BYTES)
    return min(len(data), position + MAX_QUOTED_BYTES) if end < 0 else end


def _closing(data: bytes, start: int, quote: bytes) -> int:
    """Where the value behind a quote ends: at the same quote, escaped as often or less; -1 if nowhere."""
    limit = _line_end(data, start)
    if quote[-1:] not in {b'"', b"'", b"`"}:
        return data.find(quote, start, limit)
    depth, mark = len(quote) - 1, quote[-1:]
    at = data.find(mark, start, limit)
    while at >= 0:
        escapes = _escapes(data, start, at)
        doubled = not depth and mark == b"'" and at > start and data[at + 1 : at + 2] == mark
        if doubled:
            at += 1
        elif (escapes <= depth) if depth else (escapes % 2 == 0):
            return at - (escapes if depth else 0)
        at = data.find(mark, at + 1, limit)
    return -1


def _escapes(data: bytes, start: int, at: int) -> int:
    """How many backslashes stand right before `at`."""
    first = at
    while first > start and data[first - 1 : first] == b"\\":
        first -= 1
    return at - first


def _trimmed(data: bytes, start: int, end: int, cut: Pattern) -> int:
    """The end of an unquoted run without the next parameter, closing brackets and sentence marks."""
    for pattern in (cut, _CUT):
        match = pattern.search(data, start, end) if pattern else None
        if match and match.start() > start:
            end = match.start()
    comma = data.rfind(b",", start + 1, end)
    if comma > 0 and _NEXT_KEY.match(data, comma, end):
        end = comma
    end = balanced(data, start, end)
    if data[end - 1 : end + 1] == b"[\\":  # `[\\r][\\n]` of HTTP on the wire
        end -= 1
    while end > start and data[end - 1 : end] in {b",", b";", b".", b":", b"|"}:
        end -= 1
    return end


def balanced(data: bytes, start: int, end: int) -> int:
    """Cut at the first closing bracket that nothing opened, unless the value plainly goes on behind it."""
    opened = dict.fromkeys(_CLOSERS.values(), 0)
    seen = start
    for bracket in _CLOSER.finditer(data, start, end):
        at, opener = bracket.start(), _CLOSERS[bracket.group()]
        for char in opened:
            opened[char] += data.count(char, seen, at)
        seen = at
        if opened[opener]:
            opened[opener] -= 1
        elif at + 1 == end or not data[at + 1 : at + 2].isalnum():
            return int(at)
    return end
