"""Rows → what trusting only the surest answers would cost: the risk-coverage curve and its area. Pure.

Every repeat is an answer of its own; right is an accepted category. An errored row is covered last, as wrong:
its confidence is 0, so that failing on hard cases never makes a curve look better.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from evals.claim import claims
from evals.run import Row


@dataclass(frozen=True, kw_only=True)
class Point:
    """What holds when every answer of at least this confidence is acted on, and no other."""

    confidence: float
    count: int
    """Answers covered."""
    wrong: int
    """Of them."""
    coverage: float
    """The share of all answers that is covered, above 0 up to 1."""
    risk: float
    """The share of covered answers that is wrong, 0 to 1."""


def risk_coverage(rows: Iterable[Row]) -> tuple[Point, ...]:
    """Walk down the confidences that occur, surest first; the last point covers everything.

    El-Yaniv and Wiener 2010 (JMLR 11); Geifman and El-Yaniv 2017, arXiv 1705.08500. Answers of one confidence
    are covered together: no threshold parts them.
    """
    answers = claims(rows)
    levels: dict[float, list[bool]] = {}
    for each in answers:
        levels.setdefault(each.confidence, []).append(each.accepted)
    points: list[Point] = []
    count = wrong = 0
    for confidence in sorted(levels, reverse=True):
        count += len(levels[confidence])
        wrong += levels[confidence].count(False)
        points.append(
            Point(
                confidence=confidence,
                count=count,
                wrong=wrong,
                coverage=count / len(answers),
                risk=wrong / count,
            )
        )
    return tuple(points)


def risk_area(rows: Iterable[Row]) -> float | None:
    """Compute the area under the risk-coverage curve (AURC), 0 (best) to 1; None without a row.

    The mean, over all answers, of the risk at the coverage that first takes the answer in (Geifman, Uziel and
    El-Yaniv 2019, arXiv 1805.08206, for confidences that all differ; answers of one confidence share a risk).
    """
    points = risk_coverage(rows)
    if not points:
        return None
    before = (0, *(point.count for point in points))
    steps = (point.risk * (point.count - start) for start, point in zip(before, points, strict=False))
    return math.fsum(steps) / points[-1].count
