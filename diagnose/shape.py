"""A text → the secrets that show by their form alone: keys, tokens, addresses, S3 paths, cards, phones.

The forms are data (`secret.SHAPES`); this module holds the tests by name that a form can't express, and cuts
what it read too far. Limits: as `secret` says; a number that passes its check digits by chance counts as
real.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import re2

from diagnose import checksum
from diagnose.block import wrapped
from diagnose.candidate import (
    has_digits,
    is_credential,
    is_pgpass,
    is_plain,
    is_sentence,
    is_strong,
    is_userinfo,
)
from diagnose.echo import ECHOES
from diagnose.gate import Gate
from diagnose.label import Pattern, latin, small
from diagnose.login import LOGINS
from diagnose.secret import COMMON_WORDS, ENCODED, SHAPES, Finding, Shape, Stretch
from diagnose.tool import TOOLS
from diagnose.value import balanced

Test = Callable[[bytes, int, int], bool]
Fit = Callable[[bytes, int, int], Stretch]

_URL_CUT = latin(rb",(?:--|[a-z0-9]+:\\{0,2}/|\w+[=:]|\z)|[;|]|\.{3}\z|->|%2C|%26")
_NOT_A_BUCKET = latin(rb"(?i).*amazonaws\.com(?:\.cn)?/(?:doc|\?|\z)")
_NO_MAIL_HOST = latin(
    rb"(?i).*(?:@|%(?:25)?40)(?:ip-[0-9]|ec2-[0-9]|.*\.(?:internal|local|localdomain|amazonaws\.com|svc)\z)"
)
_SCHEME_BEFORE = latin(rb"(?::|%3A)(?:/|%2F|\\){2,6}\z")
_AWS_BEFORE = latin(rb"(?i)AKIA|ASIA|aws|secret|credential")
_IN_PLACEHOLDER = small(rb"\[REDACTED-[A-Z-]*\z")
_NEXT_ENCODED = small(rb"%(?:25)*26[\w.-]+%(?:25)*3D")
_NEXT_PARAMETER = small(rb"&[\w.-]+=")
_PORT = latin(rb"[0-9]{1,5}(?:[/?#,;]|\z)")
_BASE64 = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=_")

AWS_LABEL_BYTES = 160  # how far before a bare 40-character secret its label may stand
KEY_ID_CHARS = 20
LINE_BLOCK_BYTES = 1024  # most shapes stand on one line, and most lines hold no word of most shapes


def shaped(data: bytes, *, again: bool = False) -> Iterator[Finding]:
    """Yield every unlabelled secret that one of the shapes knows.

    Args:
        data: The text.
        again: Only lines near placeholders, when all others were searched before and hold nothing.
    """
    shapes, gate = _compiled()
    over_lines: set[int] = set()
    for block in _line_blocks(data):
        lines = data[slice(*block)]
        if again and b"[REDACTED-" not in lines:
            continue
        for index in gate.opened(lines):
            if shapes[index][0].lines:
                over_lines.add(index)
            else:
                yield from _matches(data, block, shapes[index])
    for index in sorted(over_lines):
        yield from _matches(data, (0, len(data)), shapes[index])


def _matches(data: bytes, block: Stretch, compiled: "Compiled") -> Iterator[Finding]:
    shape, pattern, grouped, fit = compiled
    for match in pattern.finditer(data, *block):
        if _IN_PLACEHOLDER.search(data, max(0, match.start() - 24), match.start()):
            continue
        span = grouped.match(data, *match.span()).span(1) if grouped else match.span()
        start, end = fit(data, *span)
        if start < end:
            encoded = shape.kind in ENCODED or data[end : end + 2] == b"\\\n"
            more = wrapped(data, start, end) if encoded else ()
            yield Finding(kind=shape.kind, stretches=((start, end), *more))


def _line_blocks(data: bytes) -> Iterator[Stretch]:
    """Stretches of whole lines."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + LINE_BLOCK_BYTES) + 1 or len(data)
        yield (start, end)
        start = end


Compiled = tuple[Shape, Pattern, Pattern, Fit]  # to find it, and to take the group that is the value, if any


@cache
def _compiled() -> tuple[tuple[Compiled, ...], Gate]:
    fits = {name: _whole(test) for name, test in _TESTS.items()} | _FITS
    shapes = tuple(_merged((*SHAPES, *LOGINS, *ECHOES, *TOOLS)))
    triggers = [shape.trigger or b"|".join(re2.escape(word) for word in shape.needles) for shape in shapes]
    compiled = [(shape, *_patterns(shape), fits[shape.check]) for shape in shapes]
    return tuple(compiled), Gate(triggers)


def _patterns(shape: Shape) -> tuple[Pattern, Pattern]:
    grouped = latin(shape.pattern)
    return latin(shape.pattern, groups=False), grouped if grouped.groups else None


def _merged(shapes: tuple[Shape, ...]) -> Iterator[Shape]:
    """Vendors' tokens as one pattern: two dozen walks over a text that holds them cost more than one."""
    tokens = [shape for shape in shapes if shape.merged]
    yield replace(
        tokens[0],
        pattern=b"|".join(shape.pattern for shape in tokens),
        needles=tuple(needle for shape in tokens for needle in shape.needles),
    )
    yield from (shape for shape in shapes if not shape.merged)


def _whole(test: Test) -> Fit:
    """A test that takes the stretch as it is or not at all."""
    return lambda data, start, end: (start, end) if test(data, start, end) else (start, start)


def _text(test: Callable[[bytes], bool]) -> Test:
    """A test of the bytes alone."""
    return lambda data, start, end: test(data[start:end])


def _key_id(data: bytes, start: int, end: int) -> bool:
    """An access key id, also one cut short; a long word in capitals has no digit."""
    digit = any(48 <= byte <= 57 for byte in data[start:end])
    return (digit or KEY_ID_CHARS <= end - start <= KEY_ID_CHARS + 1) and checksum.edges(data, start, end)


def _aws_secret(data: bytes, start: int, end: int) -> bool:
    """40 characters of base64 with an AWS word shortly before them."""
    if start and data[start - 1] in _BASE64 and data[start - 1 : start] != b"=":
        return False
    if end < len(data) and data[end] in _BASE64:
        return False
    text = data[start:end]
    mixed = not text.islower() and not text.isupper() and any(48 <= byte <= 57 for byte in text)
    return (
        mixed
        and text.count(b"/") < 6
        and bool(_AWS_BEFORE.search(data[max(0, start - AWS_LABEL_BYTES) : start]))
    )


def _credential(data: bytes, start: int, end: int) -> Stretch:
    """A token up to the next parameter of an encoded URL."""
    following = _NEXT_ENCODED.search(data, start, end)
    end = following.start() if following else end
    text = data[start:end]
    padded = text.endswith((b"=", b"%3D")) and text.rstrip(b"=").isalnum() and not text.islower()
    return (start, end if padded or is_credential(text) else start)


def _authority(data: bytes, start: int, end: int) -> Stretch:
    """The password of a URL up to the last `@` before the next URL; `host:8020/path@x` has none."""
    following = data.find(b"://", start, end)
    if following >= 0:
        end = max(data.rfind(b"@", start, following), start)
    if data[:end].endswith(b".git"):  # what follows names a branch
        end = data.find(b"@", start, end)
    if start == end or _PORT.match(data, start, end) or not is_plain(data[start:end]):
        return (start, start)
    return (start, end)


def _email(data: bytes, start: int, end: int) -> bool:
    address = data[start:end]
    user, _, realm = address.partition(b"@")
    service = data[start - 1 : start] == b"/" or user[:1] == b"_"
    if realm.isupper() and (service or not user.isupper()) and not _is_person(user):  # a Kerberos principal
        return False
    return not _NO_MAIL_HOST.match(address) and not _SCHEME_BEFORE.search(data[max(0, start - 12) : start])


def _is_person(user: bytes) -> bool:
    """Whether the user of a principal is `first.last`."""
    words = user.decode("utf-8", "replace").split(".")
    return len(words) == 2 and all(
        len(word) > 1 and word.isalpha() and word.lower() not in COMMON_WORDS for word in words
    )


def _url(data: bytes, start: int, end: int) -> Stretch:
    """An S3 address without the punctuation of the sentence around it."""
    if not checksum.left_edge(data, start) or _NOT_A_BUCKET.match(data, start, end):
        return (start, start)
    following = _NEXT_PARAMETER.search(data, start, end)
    if following and b"?" not in data[start : following.start()]:
        end = following.start()  # the address is itself a parameter
    cut = _URL_CUT.search(data, start, end)
    end = balanced(data, start, cut.start() if cut else end)
    while end > start and data[end - 1 : end] in {b".", b",", b":", b";", b"!", b"?", b"*", b"\\"}:
        end -= 1
    return (start, end if end - start > len(b"s3://") and data[end - 3 : end] != b"://" else start)


def _iban(data: bytes, start: int, end: int) -> Stretch:
    return _shrunk(
        data, start, end, lambda at: checksum.edges(data, start, at) and checksum.iban(data[start:at])
    )


def _ipv6(data: bytes, start: int, end: int) -> Stretch:
    if data[end - 1 : end] == b":" != data[end - 2 : end - 1]:
        end -= 1  # the sentence's own
    return (start, end) if checksum.ipv6(data, start, end) else (start, start)


def _phone(data: bytes, start: int, end: int) -> Stretch:
    if data[end - 1 : end] == b")" and not _paired(data, start, end):
        end -= 1  # the sentence's own
    return _shrunk(data, start, end, lambda at: _paired(data, start, at) and checksum.phone(data, start, at))


def _paired(data: bytes, start: int, end: int) -> bool:
    return data.count(b"(", start, end) == data.count(b")", start, end)


def _shrunk(data: bytes, start: int, end: int, test: Callable[[int], bool]) -> Stretch:
    """The longest beginning, cut at blanks, that passes the test."""
    while end > start:
        if test(end):
            return (start, end)
        end = max(data.rfind(b" ", start, end), start)
    return (start, start)


_TESTS: dict[str, Test] = {
    "aws_secret": _aws_secret,
    "card": checksum.card,
    "digits": _text(has_digits),
    "edges": checksum.edges,
    "email": _email,
    "host": checksum.host,
    "ipv4": checksum.ipv4,
    "key_id": _key_id,
    "pgpass": _text(is_pgpass),
    "plain": _text(is_plain),
    "sentence": _text(is_sentence),
    "ssn": checksum.ssn,
    "strong": _text(is_strong),
    "userinfo": _text(is_userinfo),
}
_FITS: dict[str, Fit] = {
    "authority": _authority,
    "credential": _credential,
    "iban": _iban,
    "ipv6": _ipv6,
    "phone": _phone,
    "url": _url,
}
