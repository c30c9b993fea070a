"""Does a redacted text stand in a raw line, does it show a labelled literal? Pure string work, no patterns.

A placeholder `[REDACTED-…]` matches any text, also none; a trailing `…` says that the rest was cut.
"""

import re
from functools import cache
from typing import Final

PLACEHOLDER: Final = re.compile(r"\[REDACTED(?:-[A-Z0-9]+)+\]")
CUT: Final = "…"

VISIBLE_SHARE: Final = 0.5
"""Of a labelled literal at least this share must be readable: a line of placeholders alone shows nothing."""


def parts(text: str) -> tuple[str, ...]:
    """Split a redacted text at its placeholders; a cut mark at the end is dropped."""
    return tuple(PLACEHOLDER.split(text.removesuffix(CUT)))


def stands_in(text: str, line: str) -> bool:
    """Tell whether the parts of `text` stand in `line` in that order; a text without words stands nowhere."""
    pieces = parts(text)
    if not any(piece.strip() for piece in pieces):
        return False
    position = 0
    for piece in pieces:
        found = line.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return True


def shows(text: str, literal: str) -> bool:
    """Tell whether `literal` can be read in `text`, placeholders standing for any part of it."""
    if literal in text:
        return True
    pieces = parts(text)
    if len(pieces) == 1:
        return False
    return _visible(pieces, literal) >= VISIBLE_SHARE * len(literal)


def _visible(pieces: tuple[str, ...], literal: str) -> int:
    """Count the characters of `literal` that are readable in the best placement; 0 when there is none."""

    @cache
    def after_gap(index: int, position: int) -> int:
        """Best count for `literal[position:]` from a placeholder before piece `index` on."""
        if index == len(pieces):
            return 0
        best = 0  # the rest of the literal may lie wholly behind the placeholder
        for start in range(position, len(literal)):
            best = max(best, at_piece(index, start))
        return best

    def at_piece(index: int, start: int) -> int:
        piece, rest = pieces[index], literal[start:]
        if piece.startswith(rest):
            return len(rest)
        if rest.startswith(piece) and index + 1 < len(pieces):
            return len(piece) + after_gap(index + 1, start + len(piece))
        return 0

    best = max(after_gap(index, 0) for index in range(1, len(pieces)))
    for index, piece in enumerate(pieces[:-1]):
        for size in range(1, min(len(piece), len(literal)) + 1):
            if piece.endswith(literal[:size]):
                best = max(best, size + after_gap(index + 1, size))
    return best
