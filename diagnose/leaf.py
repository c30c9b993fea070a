"""JSON of any shape in, its single values out: each with its path, as text, and under another's words. Pure.

Limits: `MAX_LEAVES` values and `_MAX_DEPTH` levels; what is beyond is not looked at.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from diagnose.bound import ELLIPSIS, shortened

MAX_LEAVES: Final = 2000
"""Of one document: no control row, count or check list comes near."""
MAX_PART_CHARS: Final = 64
"""Of one key in a path."""
MAX_LEAF_CHARS: Final = 300
"""Of one value that is shown."""
_MAX_DEPTH: Final = 8
_WORD: Final = re.compile(r"[\w.:/@\[\]-]{1,80}")
_BUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BREAK: Final = re.compile(r"[^a-z0-9]+")
_UNFIT: Final = re.compile(r"[^\w-]+", re.ASCII)

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of a document, and the keys and places that lead to it."""

    path: tuple[str, ...]
    value: Scalar

    @property
    def words(self) -> frozenset[str]:
        """The words of its path: `sourceRows` and `source_rows` give the same two."""
        return frozenset(word for part in self.path for word in plain(part).split("_"))

    @property
    def name(self) -> str:
        """Its path as a name of letters, digits, `_`, `-` and `.`, whatever the keys hold."""
        return ".".join(_UNFIT.sub("_", part[:MAX_PART_CHARS]) for part in self.path)

    @property
    def text(self) -> str:
        """Its value as one line, a long one cut between words; "" where it can't be shown as it is."""
        text = shortened(str(self.value), MAX_LEAF_CHARS)
        return text if text.isprintable() else ""

    @property
    def word(self) -> str:
        """Its value where it is one word, else an ellipsis: no sentence of a stranger stands in ours."""
        return self.text if _WORD.fullmatch(self.text) else ELLIPSIS


def plain(word: str) -> str:
    """Spell a key or a word of a state in small letters with `_` between its words."""
    return _BREAK.sub("_", _BUMP.sub("_", word[:MAX_LEAF_CHARS]).lower()).strip("_")


def leaves(tree: object, *path: str) -> tuple[Leaf, ...]:
    """List the values below a place of a document, in order; nulls are not told."""
    return tuple(islice(_leaves(tree, path, _MAX_DEPTH), MAX_LEAVES))


def _leaves(tree: object, path: tuple[str, ...], depth: int) -> Iterator[Leaf]:
    if isinstance(tree, str | int | float):
        yield Leaf(path, tree)
    elif depth and isinstance(tree, Mapping):
        for key, child in tree.items():
            yield from _leaves(child, (*path, str(key)), depth - 1)
    elif depth and isinstance(tree, list | tuple):
        for place, child in enumerate(tree):
            yield from _leaves(child, (*path, str(place)), depth - 1)


def texts(tree: object) -> tuple[str, ...]:
    """List every text and number of a document as text, keys too, each once."""
    found: dict[str, None] = {}
    _collect(tree, found)
    return tuple(found)


def _collect(tree: object, found: dict[str, None]) -> None:
    if _is_spelled(tree):
        found[str(tree)] = None
    elif isinstance(tree, Mapping):
        for key, child in tree.items():
            found[str(key)] = None
            _collect(child, found)
    elif isinstance(tree, list | tuple):
        for child in tree:
            _collect(child, found)


def reworded(tree: object, words: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON of any shape
    """Give a document with its texts replaced, keys too; of keys that become alike the last one stays.

    A number stays a number where its text stays as it is.
    """
    if _is_spelled(tree):
        spelled = str(tree)
        word = words.get(spelled, spelled)
        return tree if word == spelled else word
    if isinstance(tree, Mapping):
        return {words.get(str(key), str(key)): reworded(child, words) for key, child in tree.items()}
    if isinstance(tree, list | tuple):
        return [reworded(child, words) for child in tree]
    return tree


def _is_spelled(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
