"""Words, foreign ones among them → GitHub's Markdown. Pure.

A report on a pull request quotes log lines: these stand in code, all else is escaped, so that no line becomes
a link, an image, markup, or a mention of somebody.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from evals.report.glyph import flat, shorten, visible

MAX_CODE_CHARS: Final = 200
"""Of a foreign text in a line; the run has the whole."""
_SPECIAL: Final = re.compile(r"[&<>|`*_\[\]\\~#!$]")
_INSIDE_WORD: Final = re.compile(r"(?<=\w)&#95;(?=\w)")
_LINK: Final = re.compile(r"(?i)\b(https?|ftp|www|mailto)(?=[:.])")


def plain(text: str) -> str:
    """Escape what would be markup; mentions and addresses are broken by a space of no width."""
    escaped = _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", flat(text))
    escaped = _INSIDE_WORD.sub("_", escaped)  # there it marks nothing, and names stay readable
    return _LINK.sub("\\1\N{ZERO WIDTH SPACE}", escaped).replace("@", "@\N{ZERO WIDTH SPACE}")


def code(text: str, *, limit: int = MAX_CODE_CHARS) -> str:
    """Make a code span of a text: its fence is longer than any run of backticks inside."""
    cut = shorten(flat(text), limit).replace("|", "¦")  # tables are parted before code is looked for
    fence = "`" * _longer(cut, 1)
    return f"{fence} {cut} {fence}"


def block(lines: Iterable[str]) -> str:
    """Make a code block; its fence is longer than any run of backticks inside."""
    text = visible("\n".join(lines))
    fence = "`" * _longer(text, 3)
    return f"{fence}text\n{text}\n{fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Make a table of cells that are escaped already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def details(summary: str, body: str) -> str:
    """Fold `body` away under `summary`; both are escaped already."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def _longer(text: str, least: int) -> int:
    return max(least, max(map(len, re.findall("`+", text)), default=0) + 1)
