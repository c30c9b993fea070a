"""Values of a run, and of its baseline → score cards: number, denominator, interval, what changed. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from evals.metric import Unit, Value
from evals.report.baseline import Baseline

if TYPE_CHECKING:
    from evals.comparison import Difference, Span

_TITLES: Final = {
    "category_accepted": "Category, accepted",
    "category": "Category, exact",
    "unaided": "Category, by the analyst alone",
    "failure_type": "Failure type",
    "triage": "Triage label",
    "evidence_recall": "Labelled line shown",
    "excerpt_recall": "Labelled line in excerpt",
    "grounding": "Shown lines are literal",
    "wrong_safe": "Wrong “safe to retry”",
    "safe_precision": "“Safe” is truly safe",
    "safe_recall": "Truly safe is found",
    "leaks": "Leaks of planted secrets",
    "confident_right": "Right and sure (≥ .8)",
    "confident_wrong": "Wrong and sure (≥ .8)",
    "errors": "Errored cases",
}
_GROUPS: Final = (
    ("Diagnosis", ("category_accepted", "category", "unaided", "failure_type", "triage")),
    ("Evidence", ("evidence_recall", "excerpt_recall", "grounding")),
    ("Safe to retry", ("wrong_safe", "safe_precision", "safe_recall")),
    ("Trust", ("leaks", "confident_wrong", "confident_right", "errors")),
)


@dataclass(frozen=True, kw_only=True)
class Delta:
    """What changed since the baseline."""

    before: str
    change: str
    interval: str
    finding: str
    """In words: better, worse, no difference seen, not compared."""
    level: float | None
    """The baseline's share, where there is a scale to draw it on."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One number."""

    title: str
    value: Value
    delta: Delta | None

    @property
    def wanted_low(self) -> bool:
        """Tell whether it counts what must not happen."""
        return self.value.bound is not None


MAIN: Final = frozenset(name for _, names in _GROUPS for name in names)
"""Metrics with a card of their own."""


def make_groups(cards: Iterable[Card]) -> tuple[tuple[str, tuple[Card, ...]], ...]:
    """Put the main shares that are scored into groups with a title each."""
    scored = {card.value.metric.name: card for card in cards if card.value.total}
    groups = ((title, tuple(scored[name] for name in names if name in scored)) for title, names in _GROUPS)
    return tuple((title, members) for title, members in groups if members)


def make_cards(values: Mapping[str, Value], baseline: Baseline | None) -> tuple[Card, ...]:
    """Make a card of every value, in their order."""
    differences = {each.metric: each for each in baseline.comparison.differences} if baseline else {}
    return tuple(
        Card(
            title=_TITLES.get(name, value.metric.title),
            value=value,
            delta=_delta(differences[name]) if name in differences else None,
        )
        for name, value in values.items()
    )


def _delta(each: "Difference") -> Delta | None:
    if each.baseline is None or each.difference is None:
        return None
    return Delta(
        before=amount(each.baseline, each.unit),
        change=amount(each.difference, each.unit, sign="+"),
        interval=_span(each.interval, each.unit),
        finding=str(each.finding),
        level=each.baseline if each.unit is Unit.SHARE else None,
    )


def _span(span: "Span | None", unit: Unit) -> str:
    if span is None:
        return ""
    return f"[{amount(span.low, unit, sign='+')}, {amount(span.high, unit, sign='+')}]"


def amount(number: float, unit: Unit, *, sign: str = "") -> str:
    """Write a number with its unit; `sign="+"` for a difference, with a true minus."""
    shown = _rounded(number, unit, sign)
    return shown.replace("-", "\N{MINUS SIGN}") if sign else shown


def _rounded(number: float, unit: Unit, sign: str) -> str:
    if unit is Unit.SHARE:
        rounded = round(number, 3)
        return f"{rounded:{sign if rounded else ''}.3f}" if rounded else "0.000"
    digits = ",.4f" if unit is Unit.USD else ",.0f"
    return f"{number:{sign}{digits}} {unit}"
