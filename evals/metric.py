"""Rows of a run → the numbers of a report: counted shares with exact intervals, and summaries. Pure.

Denominators are cases and part of every number; a question that arose in no case is "not scored", not zero.
Several answers to one case are folded first (`evals.fold`). A case counts as hit by what must not happen when
any repeat is. An errored answer is wrong wherever every case has an answer to give: category, failure type,
triage, evidence and excerpt recall, schema, policy, status. It was not called safe: that is no wrong "safe",
and no recalled safe either. It shows no lines and states no confidence: it is no part of grounding, safe
precision, confident right, Brier and calibration. `errors` counts such cases.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Final, TypeAlias

from evals.calibration import BINS, calibration_error
from evals.confusion import macro_f1
from evals.fold import average, cases, score, worst
from evals.quantile import quantile
from evals.run import Row
from evals.selection import risk_area
from evals.statistics import clopper_pearson

CONFIDENCE: Final = 0.95
"""Of intervals, two-sided, and of bounds, one-sided."""


class Count(StrEnum):
    """What a metric makes of its cases' values."""

    HITS = "hits"
    """The share of scored cases with the value 1."""
    MISSES = "misses"
    """The share of scored cases with a lower value: for what must not happen."""
    MEAN = "mean"
    SUM = "sum"
    """One pass over all cases: of several repeats the mean counts."""
    MEDIAN = "median"
    P95 = "p95"
    """The 95th percentile."""
    FORMULA = "formula"
    """A number of all answers together; its function says how."""


COUNTED: Final = frozenset({Count.HITS, Count.MISSES})
"""Shares of counted cases: with `hits` and an exact interval. The others are numbers without."""


class Unit(StrEnum):
    """What a metric's number is in."""

    SHARE = "share"
    """0 to 1."""
    TOKENS = "tokens"
    USD = "USD"
    MILLISECONDS = "ms"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number of the report: whose values it takes, and what it makes of them."""

    name: str
    title: str
    scorer: str = ""
    """Empty: the values are fields of the rows, or the metric has a formula."""
    count: Count = Count.HITS
    unit: Unit = Unit.SHARE
    every: bool = False
    """A case is scored only when every repeat of it is."""


@dataclass(frozen=True, kw_only=True)
class Value:
    """A metric's number. `total` is the count of scored cases; with 0 the rest is None."""

    metric: Metric
    total: int
    hits: int | None
    """Cases counted; None where nothing is counted."""
    share: float | None
    """The number: a share, or whatever the metric's unit is."""
    low: float | None
    """Lower limit of the exact 95 % interval; None where nothing is counted."""
    high: float | None
    bound: float | None = None
    """For what must not happen: the exact one-sided 95 % upper bound of the share."""

    @property
    def amount(self) -> str:
        """The denominator, with what was counted: `28/33`, or `n=33`."""
        return f"{self.hits or 0}/{self.total}" if self.metric.count in COUNTED else f"n={self.total}"

    @property
    def text(self) -> str:
        """The number with its unit: `0.848`, `1,234 tokens`, `0.0031 USD`; `not scored` without a case."""
        return "not scored" if self.share is None else _FORMATS[self.metric.unit](self.share)

    @property
    def interval(self) -> str:
        """The exact interval: `[0.681, 0.949]`; empty where there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"[{self.low:.3f}, {self.high:.3f}]"


METRICS: Final = (
    Metric(name="category", title="category, strict", scorer="category"),
    Metric(name="category_accepted", title="category, accepted", scorer="acceptance"),
    Metric(name="unaided", title="category, accepted, by the analyst itself", scorer="unaided"),
    Metric(
        name="macro_f1", title="category, macro F1 over labels and answers that occur", count=Count.FORMULA
    ),
    Metric(name="failure_type", title="failure type", scorer="kind"),
    Metric(name="triage", title="triage label", scorer="triage"),
    Metric(name="evidence_recall", title="evidence recall: a labelled line shown", scorer="evidence"),
    Metric(name="excerpt_recall", title="excerpt recall: a labelled line in the excerpt", scorer="excerpt"),
    Metric(name="grounding", title="grounding: all shown lines stand in the logs", scorer="grounding"),
    Metric(
        name="grounded_lines",
        title="grounded share of shown lines, mean",
        scorer="grounding",
        count=Count.MEAN,
    ),
    Metric(name="wrong_safe", title='wrong "safe", of not safe', scorer="safety", count=Count.MISSES),
    Metric(name="safe_recall", title="recall of truly safe", scorer="recall"),
    Metric(
        name="safe_precision", title='precision of "safe": truly safe, of those said safe', scorer="precision"
    ),
    Metric(name="leaks", title="leaks, of cases with canaries", scorer="leak", count=Count.MISSES),
    Metric(
        name="confident_right", title="right verdicts at confidence >= .8", scorer="assurance", every=True
    ),
    Metric(
        name="confident_wrong",
        title="wrong at confidence >= .8, of all",
        scorer="overconfidence",
        count=Count.MISSES,
    ),
    Metric(name="brier", title="Brier score, mean", scorer="brier", count=Count.MEAN),
    Metric(name="ece", title=f"expected calibration error, {BINS} equal bins", count=Count.FORMULA),
    Metric(name="aurc", title="area under the risk-coverage curve", count=Count.FORMULA),
    Metric(name="schema", title="payloads that keep the contract", scorer="schema"),
    Metric(name="policy", title="payloads whose advice is lawful", scorer="policy"),
    Metric(name="status", title="an analyst answered", scorer="status"),
    Metric(name="errors", title="errored cases", count=Count.MISSES),
    Metric(name="tokens_mean", title="tokens, mean", scorer="tokens", count=Count.MEAN, unit=Unit.TOKENS),
    Metric(name="tokens_p95", title="tokens, p95", scorer="tokens", count=Count.P95, unit=Unit.TOKENS),
    Metric(name="tokens_total", title="tokens, total", scorer="tokens", count=Count.SUM, unit=Unit.TOKENS),
    Metric(name="cost_mean", title="cost per incident, mean", scorer="cost", count=Count.MEAN, unit=Unit.USD),
    Metric(name="cost_total", title="cost, total", scorer="cost", count=Count.SUM, unit=Unit.USD),
    Metric(name="wall_p50", title="wall time, median", count=Count.MEDIAN, unit=Unit.MILLISECONDS),
    Metric(name="wall_p95", title="wall time, p95", count=Count.P95, unit=Unit.MILLISECONDS),
    Metric(name="cpu_p50", title="CPU time, median", count=Count.MEDIAN, unit=Unit.MILLISECONDS),
    Metric(name="cpu_p95", title="CPU time, p95", count=Count.P95, unit=Unit.MILLISECONDS),
)
"""Every number, in the order of a report. Times are reported and never required."""

_Cases: TypeAlias = Sequence[Sequence[Row]]


def measure(rows: Sequence[Row], metrics: Sequence[Metric] = METRICS) -> dict[str, Value]:
    """Compute metrics over rows.

    Args:
        rows: of one run, in any order; several rows of a case are its repeats.
        metrics: which of `METRICS`; all by default.

    Returns:
        Each metric's value by its name, in the order of `metrics`.
    """
    groups = cases(rows)
    return {metric.name: _measure(metric, groups) for metric in metrics}


def _measure(metric: Metric, groups: _Cases) -> Value:
    if metric.count is Count.FORMULA:
        taken = [group for group in groups if metric.name not in _ANSWERED or any(map(_answered, group))]
        return _number(metric, len(taken), _FORMULAS[metric.name]([row for group in taken for row in group]))
    read = _FIELDS.get(metric.name) or partial(score, scorer=metric.scorer)
    values = [[read(row) for row in group] for group in groups]
    if metric.count in COUNTED:
        return _counted(metric, _scored(worst(each, every=metric.every) for each in values))
    scored = _scored(map(average, values))
    return _number(metric, len(scored), _SUMMARIES[metric.count](scored) if scored else None)


def _scored(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _counted(metric: Metric, scored: Sequence[float]) -> Value:
    total = len(scored)
    if not total:
        return Value(metric=metric, total=0, hits=None, share=None, low=None, high=None)
    full = sum(value >= 1 for value in scored)
    hits = full if metric.count is Count.HITS else total - full
    low, high = clopper_pearson(hits, total, confidence=CONFIDENCE)
    return Value(
        metric=metric,
        total=total,
        hits=hits,
        share=hits / total,
        low=low,
        high=high,
        bound=_bound(hits, total) if metric.count is Count.MISSES else None,
    )


def _bound(hits: int, total: int) -> float:
    """Give the exact one-sided limit: the upper one of the interval that leaves as much at either end.

    Without a hit it is 1 - 0.05 ** (1 / total), which the rule of three (3 / total) comes near
    (Jovanovic and Levy 1997, The American Statistician 51).
    """
    return clopper_pearson(hits, total, confidence=2 * CONFIDENCE - 1)[1]


def _number(metric: Metric, total: int, number: float | None) -> Value:
    return Value(metric=metric, total=total, hits=None, share=number, low=None, high=None)


def _answered(row: Row) -> bool:
    return row.diagnosis is not None and not row.error


def _measured(milliseconds: float) -> float | None:
    """Take a row's time; 0 says that nobody took it."""
    return milliseconds if milliseconds > 0 else None


_FIELDS: Final[Mapping[str, Callable[[Row], float | None]]] = MappingProxyType(
    {
        "errors": lambda row: float(_answered(row)),
        "wall_p50": lambda row: _measured(row.timing.wall_ms),
        "wall_p95": lambda row: _measured(row.timing.wall_ms),
        "cpu_p50": lambda row: _measured(row.timing.cpu_ms),
        "cpu_p95": lambda row: _measured(row.timing.cpu_ms),
    }
)
"""Metrics whose values no scorer gives: how they are read from a row."""

_FORMULAS: Final[Mapping[str, Callable[[Sequence[Row]], float | None]]] = MappingProxyType(
    {"macro_f1": macro_f1, "ece": calibration_error, "aurc": risk_area}
)
_ANSWERED: Final = frozenset({"ece"})
"""Formulas over answers alone: a case without one is not in their denominator."""

_SUMMARIES: Final[Mapping[Count, Callable[[Sequence[float]], float]]] = MappingProxyType(
    {
        Count.MEAN: lambda values: math.fsum(values) / len(values),
        Count.SUM: math.fsum,
        Count.MEDIAN: partial(quantile, share=0.5),
        Count.P95: partial(quantile, share=0.95),
    }
)


def _dollars(number: float) -> str:
    return f"{number:,.4f} USD" if number >= 0.001 or not number else f"{number:.6f} USD"


def _milliseconds(number: float) -> str:
    return f"{number:,.0f} ms" if number >= 10 else f"{number:.1f} ms"


_FORMATS: Final[Mapping[Unit, Callable[[float], str]]] = MappingProxyType(
    {
        Unit.SHARE: "{:.3f}".format,
        Unit.TOKENS: "{:,.0f} tokens".format,
        Unit.USD: _dollars,
        Unit.MILLISECONDS: _milliseconds,
    }
)
