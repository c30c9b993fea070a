"""A line's bytes, or words from outside → plain text: no terminal colours, no control characters."""

import re
from typing import Final

_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_CONTROL: Final = re.compile(
    "[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)


def decoded(raw: bytes) -> str:
    """Give a line's text: without terminal colours and control characters, U+FFFD for invalid UTF-8."""
    text = raw.decode("utf-8", errors="replace").removesuffix("\r").replace("\0", "\ufffd")
    if text.isascii() and "\x1b" not in text and text.isprintable():
        return text
    while (plain := _ANSI.sub("", text)) != text:
        text = plain
    return _CONTROL.sub("", text)


def printable(text: str) -> str:
    """Give a name or message without line ends, control characters and lone surrogates."""
    sound = text.encode("utf-8", errors="replace").decode()
    return _CONTROL.sub("", _ANSI.sub("", sound)).replace("\n", " ").replace("\r", " ")
