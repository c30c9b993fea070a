"""A redacted text in, what still looks like a secret in it out: the second look, independent of the first.

It knows no pattern of `redaction`; it judges by how a word is made: random mixtures of character classes,
numbers with a valid check digit, logins and mail addresses, and what follows a word for a secret.
Placeholders are never suspects. Pure; a text of 32 KB takes about a millisecond.
Limits: hexadecimal strings are evidence far more often than secrets (block ids, commit hashes), so only what
follows a word for a secret is judged among them; a password of plain words is not seen.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

MASK: Final = "[REDACTED-SUSPECT]"
MIN_RANDOM_CHARS: Final = 16
"""Shorter words are too often thread names, hashes of plans and the like."""
MIN_CHANGE_SHARE: Final = 0.42
"""Share of neighbouring characters of different classes: 0.62 in random base62, 0.3 in CamelCase names."""
MIN_ENTROPY_BITS: Final = 3.3
"""Per character; random base62 of 16 characters has about 3.8, a repeated pattern less than 3."""
MIN_TOLD_CHARS: Final = 6
MAX_LINE_CHARS: Final = 16 * 1024
"""Of a line with a word for a secret, what is read word by word."""

_PLACEHOLDER: Final = re.compile(r"\[REDACTED-[A-Z0-9-]+\]")
_RUN: Final = re.compile(r"[A-Za-z0-9+/~%.-][A-Za-z0-9+/~%._-]{15,}={0,2}")
REQUEST: Final = re.compile(
    r"(?i)\b(?:(?:extended[ -]?)?request[ -]?id|x-amz(?:n|-cf)?-(?:request)?id(?:-2)?|amzn?-?trace-?id)"
    r"[\"']?[:=] ?[\"']?[A-Za-z0-9+/=_-]{12,120}"
)
"""What AWS names a request by: random, public, and what its support asks for first."""
_HUMPS: Final = re.compile(r"[a-z]*(?:[A-Z][a-z]*(?:[0-9]{1,2}[a-z]{0,3})?)+")
_MEAN_HUMP_CHARS: Final = 4
"""Of a name in CamelCase; a random string has a capital every second or third character."""
_MAX_NAME_DIGITS: Final = 2
_SEAM: Final = re.compile(r"[./~%_]|(?<![0-9])-|-(?![0-9])")
"""Where names and paths are put together."""
_NUMBER: Final = re.compile(
    r"(?<![\w.-])\d(?:-?\d){12,18}(?!\w|[.-]\w)"
    r"|(?<=_)\d{15,16}(?![A-Za-z0-9]|[.-]\d)|(?<![\w.-])\d{15,16}(?=_)"
)
"""Beside an underscore only 15 or 16 digits: names of temporary files end in longer ones."""
_MAIL: Final = re.compile(
    r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.[A-Za-z]{2,24}"
)
_LOGIN: Final = re.compile(r"//[^\s/:@\"']{1,200}:([^\s/@\"']{1,200})@")
_WORD: Final = re.compile(r"[^\s\"'`<>(){}\[\],;|\\]+")
_SIGNS: Final = ":=>-"
_TOLD: Final = (
    "password", "passwd", "passphrase", "pwd", "secret", "apikey", "api_key", "private_key", "credential",
    "access_token", "auth_token", "session_token", "secret_key", "account_key", "client_secret",
)  # fmt: skip
_TELLING: Final = re.compile("(?i)pass(?:wor|w|phr)|pwd|secret|key|credential|token")


def suspects(text: str) -> tuple[str, ...]:
    """Find what looks like a secret.

    Args:
        text: redacted, of any length.

    Returns:
        The suspicious values, each once.
    """
    bare = REQUEST.sub(" ", _PLACEHOLDER.sub(" ", text))
    found = [hit.group() for hit in _RUN.finditer(bare) if _has_random(hit.group())]
    found += [hit.group() for hit in _NUMBER.finditer(bare) if _is_card(hit.group())]
    if "@" in bare:
        found += [hit.group(1) for hit in _LOGIN.finditer(bare)]
        found += [hit.group() for hit in _MAIL.finditer(bare)]
    for line in bare.split("\n"):
        if _TELLING.search(line):
            found += _told(line[:MAX_LINE_CHARS])
    return tuple(dict.fromkeys(found))


def mask(text: str) -> tuple[str, int]:
    """Put `MASK` in place of what looks like a secret.

    Returns:
        The text with as many lines, and how many different values were masked.
    """
    found = suspects(text)
    return without(text, found), len(found)


def without(text: str, values: tuple[str, ...]) -> str:
    """Put `MASK` in place of some values, the longest first."""
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


def _told(line: str) -> Iterator[str]:
    """Give what follows a word for a secret: `name=value`, `name: value`, `name value`."""
    told = False
    for hit in _WORD.finditer(line):
        word = hit.group()
        if not word.strip(_SIGNS):
            continue
        name, separator, rest = word.partition("=") if "=" in word else word.partition(":")
        value = rest.strip(_SIGNS) if separator else name
        telling = _is_telling(name)
        if value and (telling if separator and name else told) and _is_value(value):
            yield value
        told = telling and (not separator or not value)


def _is_telling(name: str) -> bool:
    return name.lower().strip("-_").replace("-", "_").replace(".", "_").endswith(_TOLD)


def _is_value(value: str) -> bool:
    """Tell a value that a person would keep secret from a word, a number or a name of a setting."""
    if len(value) < MIN_TOLD_CHARS or "/" in value or value.count(".") > 1:
        return False
    classes = set(map(_class, value))
    return "digit" in classes and bool(classes & {"lower", "upper"})


def _class(char: str) -> str:
    if char.isdigit():
        return "digit"
    if char.islower():
        return "lower"
    return "upper" if char.isupper() else "sign"


def _has_random(text: str) -> bool:
    return any(_is_random(part) for part in _SEAM.split(text))


def _is_random(part: str) -> bool:
    """Tell a random mixture from names, versions and ids."""
    if len(part) < MIN_RANDOM_CHARS or part.isalpha():
        return False
    if _is_name(part):
        return False
    kinds = [_class(char) for char in part]
    if not {"digit", "upper"} <= set(kinds) or not set(part.rstrip("=")) - set("0123456789ABCDEF-"):
        return False  # words, words and numbers, or hexadecimal
    changes = sum(a != b for a, b in pairwise(kinds)) / (len(kinds) - 1)
    return changes >= MIN_CHANGE_SHARE and _entropy_bits(part) >= MIN_ENTROPY_BITS


def _is_name(part: str) -> bool:
    """Tell the name of a class, such as Jets3tNativeFileSystemStore: few capitals, two digits at most."""
    return (
        _HUMPS.fullmatch(part) is not None
        and len(part) >= _MEAN_HUMP_CHARS * sum(map(str.isupper, part))
        and sum(map(str.isdigit, part)) <= _MAX_NAME_DIGITS
    )


def _entropy_bits(text: str) -> float:
    """Give Shannon's entropy per character, in bits."""
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in Counter(text).values())


def _is_card(text: str) -> bool:
    """Tell a payment card's number: its length, its first digit, and Luhn's check (ISO/IEC 7812-1)."""
    digits = [int(char) for char in text if char.isdigit()]
    if digits[0] not in (3, 4, 5, 6) or len(set(digits)) < 4:
        return False
    doubled = [d * 2 - 9 * (d > 4) for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
