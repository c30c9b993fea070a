"""Foreign text → text that shows what is in it and changes nothing around it. Pure.

Log lines may hold what a terminal obeys (escape sequences), what turns the order of a line around
(bidirectional controls), and what no page may hold (NUL, halves of surrogate pairs). Each becomes a sign that
can be seen; nothing is left out silently. Escaping for HTML or Markdown is a step of its own.
"""

import re
from typing import Final

_PICTURES: Final = 0x2400
"""Where Unicode's pictures of the 32 control characters begin (block Control Pictures)."""
_DELETE: Final = "\N{SYMBOL FOR DELETE}"

_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline
    "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e"  # unseen, and those that turn the order
    "\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e007f]"  # no characters, and tags
)


def visible(text: str) -> str:
    """Replace every character that acts or hides by one that shows; tabs and newlines stay."""
    return _HIDDEN.sub(_sign, text)


def flat(text: str) -> str:
    """Put a visible text on one line, its runs of blanks made one."""
    return visible(" ".join(text.split()))


def shorten(text: str, limit: int) -> str:
    """Cut a text to at most `limit` characters (at least 1), an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(_PICTURES + code)
    return _DELETE if code == 0x7F else f"[U+{code:04X}]"
