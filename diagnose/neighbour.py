r"""A text → the values that stand beside their key without a separator: dots, a remark, or the next line.

`key ....... v` of listings, `key (old): v`, `$key` above `[1] "v"` of R, `>>> key` above `'v'` of Python, the
part `name="key"` of a form and the value below its empty line, YAML's `value:` above its `name:`.
Limits: the value of a key must stand right there; lines of other threads between them hide it.
"""

from collections.abc import Iterator

from diagnose.candidate import accepted
from diagnose.label import Pattern, label_of, latin
from diagnose.secret import Finding
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
_YAML = latin(
    rb"(?m)^[ \t]*-[ \t]+value:[ \t]+[\"']?([^\s\"'][^\n\"']*?)[\"']?[ \t\r]*\n"
    rb"[ \t]+name:[ \t]+[\"']?([\w.-]+)[\"']?[ \t\r]*$"
)


def neighbours(data: bytes) -> Iterator[Finding]:
    """Yield every value that stands beside a telling key."""
    for pattern in _present(_LISTED, data):
        for match in pattern.finditer(data):
            key = _KEY_BEFORE.search(data[max(0, match.start() - MAX_KEY_BYTES) : match.start()])
            if key:
                yield from _beside(data, key.group().strip(), match.end())
    for pattern in _present(_ABOVE, data):
        for match in pattern.finditer(data):
            yield from _beside(data, match.group(1), match.end())
    if b"value:" in data:
        for match in _YAML.finditer(data):
            label = label_of(match.group(2))
            if label and not label.form and accepted(match.group(1), label, strict=label.weak):
                yield Finding(kind=label.kind, stretches=(match.span(1),))


def _present(patterns: Patterns, data: bytes) -> Iterator[Pattern]:
    return (pattern for needles, pattern in patterns if any(needle in data for needle in needles))


def _beside(data: bytes, key: bytes, position: int) -> Iterator[Finding]:
    label = label_of(key)
    stretches = value_at(data, position, label, None)[0] if label else ()
    text = b"".join(data[start:end] for start, end in stretches)
    if text.isalpha() and (text.islower() or text.istitle()):
        return  # a word of a sentence
    if label and text and accepted(text, label, strict=label.weak):
        yield Finding(kind=label.kind, stretches=stretches)
