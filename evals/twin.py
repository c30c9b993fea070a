"""Many cases' texts → the pairs that are one case twice, or nearly. Pure.

Identical: the same lines, whatever the files are called. Near: of all different lines of both, with every
word that holds a digit masked (times, ids, addresses, numbers), at least `NEAR_SHARE` are common (Jaccard
index). Cases of one cluster are known to be alike and are only compared for identity.
Limits: lines in another wording count as different; a case with fewer than `MIN_LINES` is not called near;
time grows with the square of the number of cases (350 take a tenth of a second).
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

NEAR_SHARE: Final = 0.98
"""Real logs of different jobs that fail for different reasons on one release of Spark share up to 0.94."""
MIN_LINES: Final = 10

_MASKED: Final = re.compile(r"\b[^\W\d]*\d\w*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Print:
    """A case's fingerprint.

    Attributes:
        key: What the caller knows the case by.
        cluster: Its incident or template.
        sha256: Of all lines, whatever their files are called; empty when there is no text.
        lines: The set of masked lines as bits.
    """

    key: int
    cluster: str
    sha256: str
    lines: int


@dataclass(frozen=True, kw_only=True)
class Twin:
    """Two cases that are one; `share` of their lines is common, 1 when identical."""

    first: int
    second: int
    share: float
    identical: bool


@dataclass(kw_only=True)
class Fingerprints:
    """Takes one case's lines after the other; holds a bit per different line, not the texts."""

    _bits: dict[str, int] = field(default_factory=dict)
    _prints: list[Print] = field(default_factory=list)

    def add(self, key: int, cluster: str, files: Iterable[Iterable[str]]) -> None:
        """Remember one case."""
        texts = ["\n".join(lines) for lines in files]
        bits = 0
        for line in {line for text in texts for line in _MASKED.sub("#", text).split("\n")}:
            bits |= 1 << self._bits.setdefault(line, len(self._bits))
        sums = sorted(
            hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in texts if text.strip()
        )
        sha256 = hashlib.sha256(b"".join(sums)).hexdigest() if sums else ""
        self._prints.append(Print(key=key, cluster=cluster, sha256=sha256, lines=bits))

    def twins(self) -> Iterator[Twin]:
        """Compare every pair."""
        for one, other in combinations(self._prints, 2):
            if one.sha256 and one.sha256 == other.sha256:
                yield Twin(first=one.key, second=other.key, share=1.0, identical=True)
            elif one.cluster != other.cluster:
                share = _share(one.lines, other.lines)
                if share >= NEAR_SHARE:
                    yield Twin(first=one.key, second=other.key, share=share, identical=False)


def _share(one: int, other: int) -> float:
    """Give the Jaccard index of two sets of lines; 0 when there are too few lines to say."""
    every = (one | other).bit_count()
    return (one & other).bit_count() / every if every >= MIN_LINES else 0.0
