"""A finished evaluation → one HTML page without a script, style, font or picture from outside. Pure.

The verdict and what failed come first; every chart has its numbers beside it; all of it can be read without
scripts, on a phone, in light and dark, and on paper. A content security policy in the page forbids every
request and every script and style but its own, so that a log line that slipped through could do nothing.
Escaping is the template engine's; `visible` takes away what hides or reorders text.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from diagnose.taxonomy import Category
from evals.breakdown import Group, breakdown
from evals.calibration import calibration
from evals.confusion import CATEGORIES, COLUMNS, Confusion, class_scores, confusion
from evals.evaluation import Evaluation
from evals.quantile import quantile
from evals.report.baseline import Baseline
from evals.report.card import make_cards, make_groups
from evals.report.document import GROUPINGS
from evals.report.glyph import visible
from evals.report.headline import headline
from evals.report.provenance import facts, listed
from evals.report.sheet import State, make_pairs, make_sheets
from evals.run import Row, Run
from evals.selection import risk_coverage

if TYPE_CHECKING:
    from jinja2 import Environment

    from evals.gate import GateRecord

OPEN: Final = 10
"""Failed and changed cases that are unfolded; further ones are a click away."""
_HEAT: Final = 4
"""Steps of shading in the confusion table."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One pair of label and answer."""

    count: int
    accepted: int
    right: bool
    heat: int
    """0 for none, up to 4 for all cases of the label."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How a quantity is spread over the answers."""

    name: str
    label: str
    count: int
    numbers: tuple[tuple[str, str], ...]
    chart: str


def to_page(
    evaluation: Evaluation, *, baseline: Baseline | None = None, gate: "GateRecord | None" = None
) -> str:
    """Render an evaluation.

    Args:
        evaluation: of a run with one row at least.
        baseline: adds what changed, case by case with both answers.
        gate: adds its verdict and checks.

    Returns:
        HTML; the same values give the same text.
    """
    environment = _environment()
    style, script = (_source(environment, name) for name in ("report.css", "report.js"))
    return environment.get_template("report.html.j2").render(
        **_numbers(evaluation, baseline),
        **_cases(evaluation, baseline),
        **_charts(evaluation.run, baseline),
        gate=gate,
        baseline=baseline,
        style=_trusted(style),
        script=_trusted(script),
        policy=_policy(style, script),
        open=OPEN,
    )


def _numbers(evaluation: Evaluation, baseline: Baseline | None) -> dict[str, Any]:
    run, cards = evaluation.run, make_cards(evaluation.values, baseline)
    return {
        "head": headline(evaluation),
        "run": run,
        "facts": facts(run),
        "settings": listed(run.identity.settings),
        "groups": make_groups(cards),
        "cards": cards,
        "unscored": [card.title for card in cards if not card.value.total],
        "breakdowns": [(by, _told(breakdown(run.rows, by))) for by in GROUPINGS],
        "columns": COLUMNS,
        "confusion": _confusion(confusion(run.rows)),
        "classes": [each for each in class_scores(run.rows) if each.support or each.answered],
    }


def _cases(evaluation: Evaluation, baseline: Baseline | None) -> dict[str, Any]:
    flips = baseline.comparison.flips if baseline else ()
    sheets = make_sheets(evaluation, flips)
    pairs = make_pairs(flips, baseline.run, sheets) if baseline else ()
    return {
        "sheets": sheets,
        "shown": frozenset(pair.after.number for pair in pairs),
        "failed": [sheet for sheet in sheets if sheet.failures],
        "limits": [failure for failure in evaluation.failures if not failure.case_id],
        "known": [sheet for sheet in sheets if sheet.known and not sheet.failures],
        "known_limits": [failure for failure in evaluation.known if not failure.case_id],
        "pairs": pairs,
        "states": [(state, count) for state in State if (count := sum(s.state is state for s in sheets))],
        "ranks": {state: rank for rank, state in enumerate(State)},
    }


def _charts(run: Run, baseline: Baseline | None) -> dict[str, Any]:
    from evals.report import chart  # noqa: PLC0415 (matplotlib takes a second)

    bins, points = calibration(run.rows), risk_coverage(run.rows)
    before = risk_coverage(baseline.run.rows) if baseline else ()
    return {
        "bins": bins,
        "points": points,
        "before": before,
        "reliability": _trusted(chart.reliability(bins)),
        "risk": _trusted(chart.risk(points, before)),
        "spreads": [
            _spread(name, label, values)
            for name, label, values in (
                ("tokens", "tokens per answer", _read_tokens(run.rows)),
                ("cost", "USD per answer", _read_costs(run.rows)),
            )
            if values
        ],
    }


def _told(groups: Sequence[Group]) -> tuple[tuple[Group, ...], tuple[str, ...]]:
    """Give the groups, and the metrics that at least one of them has a number for."""
    names = tuple(groups[0].values) if groups else ()
    return tuple(groups), tuple(name for name in names if any(group.values[name].total for group in groups))


def _confusion(found: Confusion) -> list[tuple[Category, list[Cell], int]]:
    table = []
    for label in CATEGORIES:
        support = sum(found.counts[label, answer] for answer in COLUMNS)
        table.append((label, [_cell(found, label, answer, support) for answer in COLUMNS], support))
    return table


def _cell(found: Confusion, label: Category, answer: str, support: int) -> Cell:
    count = found.counts[label, answer]
    return Cell(
        count=count,
        accepted=found.accepted[label, answer],
        right=label == answer,
        heat=-(-_HEAT * count // support) if support else 0,
    )


def _read_tokens(rows: Sequence[Row]) -> list[float]:
    return [float(row.diagnosis.tokens_used) for row in rows if row.diagnosis and row.diagnosis.tokens_used]


def _read_costs(rows: Sequence[Row]) -> list[float]:
    given = (row.diagnosis for row in rows if row.diagnosis)
    return [each.cost_usd for each in given if each.cost_usd]


def _spread(name: str, label: str, values: Sequence[float]) -> Spread:
    from evals.report import chart  # noqa: PLC0415 (matplotlib takes a second)

    form = "{:,.0f}" if name == "tokens" else "{:,.4f}"
    numbers = {
        "least": min(values),
        "median": quantile(values, share=0.5),
        "mean": sum(values) / len(values),
        "95th percentile": quantile(values, share=0.95),
        "most": max(values),
        "total": sum(values),
    }
    return Spread(
        name=name,
        label=label,
        count=len(values),
        numbers=tuple((title, form.format(number)) for title, number in numbers.items()),
        chart=_trusted(chart.distribution(name, values, label)),
    )


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 (only a page needs it)

    environment = Environment(
        loader=PackageLoader("evals", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters.update(breakable=_breakable, words=_words, percent=_percent, brief=_brief)
    return environment


def _finalize(value: object) -> object:
    """Make foreign text harmless before it is escaped; what is HTML already was made of such."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return "" if value is None else value
    return visible(value)


def _breakable(text: str) -> str:
    """Let a long identifier break at its underscores."""
    from markupsafe import escape  # noqa: PLC0415 (comes with the template engine)

    return _trusted(str(escape(visible(str(text)))).replace("_", "_<wbr>"))


def _words(text: str) -> str:
    return str(text).replace("_", " ").lower()


def _brief(number: float) -> str:
    """Write a number of unknown size in a few digits."""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"


def _percent(share: float) -> str:
    """Write a share as a length for SVG."""
    return f"{100 * share:.2f}%"


def _trusted(text: str) -> str:
    """Mark our own HTML as such."""
    from markupsafe import Markup  # noqa: PLC0415 (comes with the template engine)

    return Markup(text)  # noqa: S704 (drawings, style and script of this package, and escaped text)


def _source(environment: "Environment", name: str) -> str:
    if environment.loader is None:
        raise RuntimeError("no templates")
    return environment.loader.get_source(environment, name)[0]


def _policy(style: str, script: str) -> str:
    """Forbid everything but this style and this script (W3C, Content Security Policy Level 3)."""
    rules: Mapping[str, str] = {
        "default-src": "'none'",
        "style-src": _hash(style),
        "script-src": _hash(script),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
