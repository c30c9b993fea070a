"""Values of any shape and size in, plain small values out, with a count of what was cut.

What a platform tells may be huge or hostile; a prompt and a redaction must stay affordable. A text is cut
between words only: half a secret would not be known as one.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

MAX_VALUE_CHARS: Final = 4096
"""Of one text: room for a class path or an inline query."""
MAX_NAME_CHARS: Final = 256
"""Of one id or one setting's name."""
MAX_ENTRIES: Final = 512
"""Of one list or mapping: no job sets as many by hand."""
MAX_GROUP_CHARS: Final = 64 * 1024
"""Of all texts of one group together; ten times what a prompt shows."""
_MAX_DEPTH: Final = 6
ELLIPSIS: Final = "…"


class Bounds:
    """Makes the values of one group plain and small.

    Args:
        group: what the gap calls the values, such as `spark`.
        max_chars: of all texts together.
    """

    def __init__(self, group: str, *, max_chars: int = MAX_GROUP_CHARS) -> None:
        self._group = group
        self._left_chars = max_chars
        self.cuts = 0
        """How many values were cut or left out."""

    @property
    def gaps(self) -> tuple[str, ...]:
        """Say what was cut, if anything."""
        if not self.cuts:
            return ()
        return (f"metadata, {self._group}: {self.cuts} values above the size limits were cut or left out",)

    def text(self, value: object, max_chars: int = MAX_VALUE_CHARS) -> str:
        """Give a text of sound characters; "" for what is no text."""
        if not isinstance(value, str):
            return ""
        short = shortened(sound(value[: max_chars + 1]), min(max_chars, self._left_chars))
        self.cuts += short != value and short.endswith(ELLIPSIS)
        self._left_chars -= len(short)
        return short

    def texts(self, value: object) -> list[str]:
        """Give the texts and numbers of a list as texts, in order."""
        told = value if isinstance(value, list | tuple) else ()
        return [self.text(str(item)) for item in self._some(told) if isinstance(item, str | int | float)]

    def settings(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """Give settings as texts; `true`, `false` and numbers as the platform's files spell them."""
        rows = self._some((k, v) for k, v in settings.items() if isinstance(v, str | int | float))
        return {self.text(k, MAX_NAME_CHARS): self.text(_spelled(v)) for k, v in rows}

    def plain(self, value: object, depth: int = 0) -> Any:  # noqa: ANN401 - JSON of any shape
        """Give JSON of any shape as plain, small JSON."""
        if isinstance(value, Mapping | list | tuple):
            return self._nested(value, depth)
        if value is None or isinstance(value, bool):
            return value
        return _number(value) if isinstance(value, int | float) else self.text(str(value))

    def _nested(self, value: Mapping[Any, Any] | Sequence[Any], depth: int) -> Any:  # noqa: ANN401 - as above
        if depth >= _MAX_DEPTH:
            self.cuts += 1
            return ELLIPSIS
        if isinstance(value, Mapping):
            rows = self._some(value.items())
            return {self.text(str(k), MAX_NAME_CHARS): self.plain(v, depth + 1) for k, v in rows}
        return [self.plain(item, depth + 1) for item in self._some(value)]

    def _some(self, items: Iterable[Any]) -> list[Any]:
        """Give the first entries, as long as there is room for any text."""
        kept = []
        for count, item in enumerate(items):
            if count < MAX_ENTRIES and self._left_chars > 0:
                kept.append(item)
            else:
                self.cuts += 1
        return kept


def shortened(text: str, max_chars: int) -> str:
    """Cut a text between two words; nothing is kept of a first word that is too long."""
    if len(text) <= max_chars:
        return text
    words = text[:max_chars].rsplit(None, 1)
    return (words[0] if len(words) > 1 else "") + ELLIPSIS


def sound(text: str) -> str:
    """Replace lone surrogates, which no encoder takes."""
    return text.encode("utf-8", errors="replace").decode()


def _spelled(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: float) -> float | str:
    """Give a number that JSON and a comparison can hold; others as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > 63:
        return "a number of more than 63 bits"
    return value
