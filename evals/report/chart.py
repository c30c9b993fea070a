"""Numbers → charts as inline SVG that takes its colours from the page, light or dark. Pure.

Drawn by matplotlib, then freed of everything that ties a picture to one page: metadata, fonts, inline styles
(a strict content security policy forbids them), and colours, which become classes. Every chart names what it
shows; the page has the same numbers in a table. The same numbers give the same bytes.
"""

import html
import io
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from evals.calibration import Bin
from evals.errors import PrerequisiteError
from evals.selection import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, GRID, ACCENT, SECOND = "#010101", "#020202", "#030303", "#040404", "#050505"
"""Stand-ins: no chart is shown in these colours."""
_CLASSES: Final = {INK: "ink", MUTED: "muted", GRID: "grid", ACCENT: "accent", SECOND: "second"}
_SIZE_INCHES: Final = (4.2, 3.0)
_FONT_POINTS: Final = 10
_BARS: Final = 20
"""Of a distribution: as many as can be told apart on a phone."""
_SETTINGS: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",  # words stay words: they can be read aloud, found and copied
    "svg.hashsalt": "evals",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so that the layout is the same everywhere
    "font.size": _FONT_POINTS,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
}

_STYLE: Final = re.compile(r'style="([^"]*)"')
_DROPPED: Final = re.compile(r"(?s)\s*<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>")
_GROUP_ID: Final = re.compile(r'<g id="[^"]*">')
_OPENING: Final = re.compile(r"(?s)^.*?<svg [^>]*?viewBox=\"([^\"]*)\"[^>]*>")


def reliability(bins: Sequence[Bin]) -> str:
    """Draw how often answers of like confidence are right, with their counts; the dashes are perfect."""

    def draw(axes: "Axes") -> None:
        filled = [each for each in bins if each.right is not None]
        axes.bar(
            [(each.low + each.high) / 2 for each in filled],
            [each.right or 0.0 for each in filled],
            width=[0.9 * (each.high - each.low) for each in filled],
            color=ACCENT,
        )
        axes.plot([0, 1], [0, 1], color=INK, linestyle=(0, (4, 3)), linewidth=1)
        for each in filled:
            place = ((each.low + each.high) / 2, each.right or 0.0)
            axes.annotate(
                str(each.count), place, xytext=(0, 3), textcoords="offset points", ha="center", fontsize=9
            )
        _unit_square(axes, "stated confidence", "share right")
        axes.set_ylim(0, 1.1)

    told = "Reliability diagram", "Per bin of stated confidence, the share of right answers and their count."
    return _svg("reliability", *told, draw)


def risk(points: Sequence[Point], before: Sequence[Point] = ()) -> str:
    """Draw the share of wrong answers among the surest ones; the baseline's with dashes."""

    def draw(axes: "Axes") -> None:
        for series, colour, dashes in ((before, SECOND, (0, (4, 3))), (points, ACCENT, "solid")):
            if series:
                axes.plot(
                    [0.0, *(each.coverage for each in series)],
                    [series[0].risk, *(each.risk for each in series)],
                    color=colour,
                    linestyle=dashes,
                    linewidth=2,
                    drawstyle="steps-pre",
                )
        highest = max((each.risk for each in (*points, *before)), default=0.0)
        _unit_square(axes, "coverage: surest answers first", "share wrong")
        axes.set_ylim(-0.02 * max(highest, 0.05), max(1.15 * highest, 0.05))

    told = "Risk and coverage", "The share of wrong answers when only the surest ones are acted on."
    return _svg("risk", *told, draw)


def distribution(name: str, values: Sequence[float], label: str) -> str:
    """Draw how often values occur; there must be one at least.

    Args:
        name: of the chart, unique in a page: a word.
        values: what is counted, from 0 on.
        label: what they are, with the unit.
    """

    def draw(axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 (as in `_svg`)

        highest = max(values)
        axes.hist(values, bins=_BARS, range=(0, highest or 1.0), color=ACCENT, rwidth=0.92)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(label)
        axes.set_ylabel("answers")
        axes.grid(axis="y")

    return _svg(name, f"Distribution of {label}", f"How many answers took how much, {label}.", draw)


def _unit_square(axes: "Axes", across: str, up: str) -> None:
    axes.set_xlim(0, 1.02)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(axis="y")


def _svg(name: str, title: str, description: str, draw: "Callable[[Axes], None]") -> str:
    try:
        from matplotlib import rc_context, rcdefaults, rcParams  # noqa: PLC0415 (takes a second)
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise PrerequisiteError(
            "a page needs matplotlib for its charts: install the extra `evals`, or take --format markdown"
        ) from None

    buffer = io.StringIO()
    with rc_context():
        rcdefaults()  # whatever a user's own settings are
        rcParams.update(_SETTINGS)
        figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
        axes = figure.add_subplot()
        axes.set_axisbelow(True)
        draw(axes)
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return _inline(buffer.getvalue(), name, title, description)


def _inline(svg: str, name: str, title: str, description: str) -> str:
    """Make a drawing part of a page: no metadata, no styles, ids of its own, a name and a description."""
    body = _GROUP_ID.sub("<g>", _DROPPED.sub("", svg))
    body = body.replace('xlink:href="#', 'href="#')
    for reference in ('id="', 'href="#', "url(#"):
        body = body.replace(reference, f"{reference}{name}-")
    body = _STYLE.sub(_attributes, body)
    opening = (
        f'<svg class="chart" viewBox="\\1" role="img" aria-labelledby="{name}-title {name}-text">'
        f'<title id="{name}-title">{html.escape(title)}</title>'
        f'<desc id="{name}-text">{html.escape(description)}</desc>'
    )
    return re.sub(r"\n\s*", "\n", _OPENING.sub(opening, body, count=1)).strip()


def _attributes(match: re.Match[str]) -> str:
    """Turn a style into attributes, its colours into classes."""
    classes, attributes = [], []
    for declaration in html.unescape(match[1]).split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name in {"fill", "stroke"} and value in _CLASSES:
            classes.append(f"{name}-{_CLASSES[value]}")
        elif name in {"fill", "stroke", "font-size", "text-anchor"} or name.startswith(("stroke-", "fill-")):
            attributes.append(f'{name}="{html.escape(value)}"')
    if classes:
        attributes.append(f'class="{" ".join(classes)}"')
    return " ".join(attributes)
