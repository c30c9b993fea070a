r"""A text → the values that stand beside their key without a separator: dots, a remark, or the next line.

`key ....... v` of listings, `key (old): v`, `$key` above `[1] "v"` of R, `>>> key` above `'v'` of Python,
the part `name="key"` of a form and the value below its empty line, YAML's `value:` above its `name:`,
`key changed from 'v' to 'v'`, the values that loguru draws below a line of code.
Limits: the value of a key must stand right there; lines of other threads between them hide it.
"""

import re
from collections.abc import Iterator

from diagnose.candidate import accepted, is_credential, is_sentence
from diagnose.label import Pattern, label_of, latin, small
from diagnose.secret import Finding, Kind
from diagnose.value import value_at

Patterns = tuple[tuple[tuple[bytes, ...], Pattern], ...]

_LISTED = (
    ((b"....",), latin(rb"\.{4,}[ \t]*")),
    ((b"):", b")=", b") ="), latin(rb"[ \t]\([a-z][a-z0-9 ,-]{1,30}\)[ \t]*[:=]")),
)
"""What stands between a key and its value on one line, with the literals without which it can't match."""
_KEY_BEFORE = latin(rb"[A-Za-z][\w.$ -]*\w[ \t]*\z")
MAX_KEY_BYTES = 60
_ABOVE = (
    ((b"[1] ",), latin(rb"(?m)^[ \t]*\$([\w.]+)[ \t\r]*\n[ \t]*\[1\]")),
    ((b">>> ",), latin(rb"(?m)>>>[ \t]+(?:print\()?([\w.]+)\)?[ \t\r]*\n")),
    (
        (b"form-data",),
        latin(
            rb"(?i)form-data;[^\n]*?\bname=\\*\"?([\w.-]+)[^\n]*\n"
            rb"(?:[ \t]*[\w-]+:[^\n]*\n){0,4}[ \t\r]*\n"
        ),
    ),
)
"""The line of a key; the value is the next one."""
_APART = latin(rb"\[1\] |>>> |form-data|\xe2\x94\x94 |value:|:[ \t\r]*\n", groups=False)
"""Without it no value stands on another line than its key."""
_YAML = latin(
    rb"(?m)^[ \t]*-[ \t]+value:[ \t]+[\"']?([^\s\"'][^\n\"']*?)[\"']?[ \t\r]*\n"
    rb"[ \t]+name:[ \t]+[\"']?([\w.-]+)[\"']?[ \t\r]*$"
)
_CHANGED = latin(
    rb"([\w.-]+)[ \t]+(?:was[ \t]+)?(?:changed|rotated|updated|altered)[ \t]+from[ \t]+[\"']([^\"'\n]+)[\"']"
    rb"[ \t]+to[ \t]+[\"']([^\"'\n]+)[\"']"
)
_BELOW = latin(
    rb"(?m)^[ \t]*[\"']?([\w.-]+)[\"']?:[ \t\r]*\n[ \t]*[\"']?([^\n\"']*[^\s\"':,])[\"']?,?[ \t\r]*$"
)
_OTHER = small(rb"[\w.-]+(?:=[^=]|:)")
_BROKEN = latin(
    rb":(?:\\*/){2}[^\s/:@\"'<>?#,]{0,64}:([^\s\"'<>/@]{3,})[ \t\r]*\n(?:[^\n]*[ \t])?"
    rb"([^\s@\"'<>/]{0,64})@[\w-]+\.[\w.-]+"
)
"""A URL's login that a line end cuts in two."""
_POINTER = "└ ".encode()
_POINTERS = frozenset("│└ ")
_NAME_AT = re.compile(r"\w+")
MAX_POINTED_LINES = 30
MAX_CODE_BYTES = 400  # of one line, its indent and prefix included


def neighbours(data: bytes) -> Iterator[Finding]:
    """Yield every value that stands beside a telling key."""
    for pattern in _present(_LISTED, data):
        for match in pattern.finditer(data):
            key = _KEY_BEFORE.search(data[max(0, match.start() - MAX_KEY_BYTES) : match.start()])
            if key:
                yield from _beside(data, key.group().strip(), match.end())
    if _APART.search(data):
        for pattern in _present(_ABOVE, data):
            for match in pattern.finditer(data):
                yield from _beside(data, match.group(1), match.end())
        yield from _pointed(data)
        yield from _values_first(data)
        yield from _below(data)
    if b" from " in data:
        yield from _changed(data)
    yield from _broken(data)


def _broken(data: bytes) -> Iterator[Finding]:
    """The password of a URL whose host stands on the next line."""
    for login in _BROKEN.finditer(data) if b"@" in data else ():
        if not login.group(1).isdigit():
            stretches = [login.span(group) for group in (1, 2) if login.group(group)]
            yield Finding(kind=Kind.PASSWORD, stretches=tuple(stretches))


def _below(data: bytes) -> Iterator[Finding]:
    """What stands alone on the line below `key:`, if it is made like a secret or has the key's form."""
    for match in _BELOW.finditer(data):
        label, text = label_of(match.group(1)), match.group(2)
        if not label or _OTHER.match(text):
            continue
        formed = label.form.match(text) if label.form else None
        sure = (
            formed.end() == len(text)
            if formed
            else not label.form and (is_sentence(text) or is_credential(text))
        )
        if sure and b" " not in text[: 0 if formed else None] and accepted(text, label, strict=label.weak):
            yield Finding(kind=label.kind, stretches=(match.span(2),))


def _changed(data: bytes) -> Iterator[Finding]:
    """Both values of a key that was changed."""
    for match in _CHANGED.finditer(data):
        label = label_of(match.group(1))
        for group in (2, 3) if label and not label.form else ():
            if label and accepted(match.group(group), label, strict=label.weak):
                yield Finding(kind=label.kind, stretches=(match.span(group),))


def _values_first(data: bytes) -> Iterator[Finding]:
    """YAML's values above the names that tell what they are."""
    for match in _YAML.finditer(data):
        label = label_of(match.group(2))
        if label and not label.form and accepted(match.group(1), label, strict=label.weak):
            yield Finding(kind=label.kind, stretches=(match.span(1),))


def _pointed(data: bytes) -> Iterator[Finding]:
    """The values that loguru draws below the line of code that held them: `└ 'v'` below the name."""
    at = data.find(_POINTER)
    while at >= 0:
        name = _name_above(data, at)
        yield from _beside(data, name, at + len(_POINTER)) if name else ()
        at = data.find(_POINTER, at + 1)


def _name_above(data: bytes, at: int) -> bytes:
    """The name in the nearest line of code above that stands in the column of a pointer."""
    start = _line_start(data, at)
    column = len(data[start:at].decode("utf-8", "replace"))
    for _ in range(MAX_POINTED_LINES):
        if start <= 0:
            break
        end = start - 1
        start = _line_start(data, end)
        line = data[max(start, 0) : end].decode("utf-8", "replace")
        if start >= 0 and column < len(line) and line[column] not in _POINTERS:
            name = _NAME_AT.match(line, column)
            return name.group().encode() if name else b""
    return b""


def _line_start(data: bytes, at: int) -> int:
    """Where the line before `at` begins; -1 if it is too long for a line of code."""
    floor = at - MAX_CODE_BYTES
    start = data.rfind(b"\n", max(floor, 0), at) + 1
    return start if start or floor <= 0 else -1


def _present(patterns: Patterns, data: bytes) -> Iterator[Pattern]:
    return (pattern for needles, pattern in patterns if any(needle in data for needle in needles))


def _beside(data: bytes, key: bytes, position: int) -> Iterator[Finding]:
    label = label_of(key)
    stretches, quoted = value_at(data, position, label, None) if label else ((), False)
    text = b"".join(data[start:end] for start, end in stretches)
    if not quoted and text.isalpha() and (text.islower() or text.istitle()):
        return  # a word of a sentence
    if label and text and accepted(text, label, strict=label.weak):
        yield Finding(kind=label.kind, stretches=stretches)
