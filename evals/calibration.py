"""Rows → how far stated confidence can be taken at its word: a reliability table and its one number. Pure.

Every repeat is an answer of its own here: each states a confidence and is right or wrong by it. Right is an
accepted category. An errored row states no confidence and is left out; it counts in every share of right.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from evals.claim import Claim, claims
from evals.run import Row

BINS: Final = 10
"""Equal parts of 0..1, as published reliability diagrams have them."""


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Answers of like confidence: low <= confidence < high, the last bin with its upper end."""

    low: float
    high: float
    count: int
    """Answers."""
    confidence: float | None
    """Their mean confidence; None in an empty bin."""
    right: float | None
    """The share of them that is right; None in an empty bin."""


def calibration(rows: Iterable[Row], *, bins: int = BINS) -> tuple[Bin, ...]:
    """Sort answers into `bins` bins of equal width; empty bins are there as well.

    Raises:
        ValueError: `bins` is below 1.
    """
    if bins < 1:
        raise ValueError(f"bins={bins}: give at least 1")
    members: list[list[Claim]] = [[] for _ in range(bins)]
    for each in _answers(rows):
        members[min(_index(each.confidence, bins), bins - 1)].append(each)
    return tuple(_bin(index / bins, (index + 1) / bins, inside) for index, inside in enumerate(members))


def calibration_error(rows: Iterable[Row], *, bins: int = BINS) -> float | None:
    """Compute the expected calibration error, 0 (best) to 1; None without an answer.

    The mean distance of confidence and share right over bins of equal width, weighted by their counts
    (Naeini, Cooper and Hauskrecht 2015, AAAI 29; Guo et al. 2017, arXiv 1706.04599).
    It depends on the bins: with few answers it is too high, and two models may tie in it.
    """
    return _error(calibration(rows, bins=bins))


def equal_mass_error(rows: Iterable[Row], *, bins: int = BINS) -> float | None:
    """Compute the same over bins of equal count (adaptive bins; Nguyen and O'Connor 2015, arXiv 1508.05154).

    Answers of one confidence are never parted, so that their order cannot matter: bins may be fewer.

    Raises:
        ValueError: `bins` is below 1.
    """
    if bins < 1:
        raise ValueError(f"bins={bins}: give at least 1")
    answers = sorted(_answers(rows), key=lambda each: each.confidence)
    if not answers:
        return None
    size = math.ceil(len(answers) / bins)
    members: list[list[Claim]] = [[]]
    for each in answers:
        last = members[-1]
        if len(last) >= size and last[-1].confidence < each.confidence:
            members.append([each])
        else:
            last.append(each)
    return _error([_bin(each[0].confidence, each[-1].confidence, each) for each in members])


def _answers(rows: Iterable[Row]) -> list[Claim]:
    return [each for each in claims(rows) if each.got is not None]


def _index(confidence: float, bins: int) -> int:
    """Number the bin of a confidence so that its edges hold exactly as they are printed."""
    index = int(confidence * bins)
    if index + 1 <= bins and confidence >= (index + 1) / bins:
        return index + 1
    return index - 1 if confidence < index / bins else index


def _bin(low: float, high: float, inside: list[Claim]) -> Bin:
    count = len(inside)
    if not count:
        return Bin(low=low, high=high, count=0, confidence=None, right=None)
    mean = math.fsum(each.confidence for each in inside) / count
    return Bin(
        low=low,
        high=high,
        count=count,
        confidence=min(max(mean, low), high),  # a rounded mean may leave the range of its values
        right=sum(each.accepted for each in inside) / count,
    )


def _error(found: Iterable[Bin]) -> float | None:
    filled = [(each.count, each.confidence, each.right) for each in found]
    total = sum(count for count, _, _ in filled)
    if not total:
        return None
    gaps = (
        count * abs(confidence - right)
        for count, confidence, right in filled
        if confidence is not None and right is not None
    )
    return min(math.fsum(gaps) / total, 1.0)
