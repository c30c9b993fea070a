"""Rows → the main numbers group by group: where an overall share hides a weak spot. Pure.

Each group's numbers are those of `evals.metric` over its rows alone. Groups of few cases have wide intervals;
looking at many of them finds one that seems weak by chance.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from diagnose.taxonomy import Category
from evals.lab.part import part
from evals.metric import METRICS, Value, measure
from evals.run import Row

By: TypeAlias = Literal["origin", "dataset", "part", "difficulty", "category", "cluster"]

LAB: Final = "lab"
"""The dataset that has parts."""
NO_PART: Final = "not of the lab"

MAIN: Final = (
    "category",
    "category_accepted",
    "failure_type",
    "triage",
    "evidence_recall",
    "excerpt_recall",
    "grounding",
    "wrong_safe",
    "safe_recall",
    "leaks",
    "errors",
)
"""Metrics of a breakdown: those that hold in a group of few cases."""

_MAIN_METRICS: Final = tuple(metric for metric in METRICS if metric.name in MAIN)

_KEYS: Final[Mapping[str, Callable[[Row], str]]] = MappingProxyType(
    {
        "origin": lambda row: row.origin,
        "dataset": lambda row: row.dataset,
        "part": lambda row: part(row.case_id).value if row.dataset == LAB else NO_PART,
        "difficulty": lambda row: row.difficulty,
        "category": lambda row: str(row.expected.category),
        "cluster": lambda row: row.cluster,
    }
)

_ORDER: Final = {name: rank for rank, name in enumerate(("easy", "medium", "hard", *Category))}
"""Where an order is known; other groups follow by name."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """One group's numbers."""

    name: str
    cases: int
    values: Mapping[str, Value]
    """`MAIN` metrics by name."""


def breakdown(rows: Iterable[Row], by: By) -> tuple[Group, ...]:
    """Measure each group of rows.

    Args:
        rows: of one run, in any order.
        by: what makes rows a group; `category` is the labelled one.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(_KEYS[by](row), []).append(row)
    return tuple(_group(name, groups[name]) for name in sorted(groups, key=_rank))


def _rank(name: str) -> tuple[int, str]:
    return _ORDER.get(name, len(_ORDER)), name


def _group(name: str, rows: list[Row]) -> Group:
    cases = len({row.case_id for row in rows})
    return Group(name=name, cases=cases, values=measure(rows, _MAIN_METRICS))
