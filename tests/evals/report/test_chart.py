import re
import sys

import pytest

from evals.calibration import Bin
from evals.errors import PrerequisiteError
from evals.report.chart import distribution, reliability, risk
from evals.selection import Point

BINS = [
    Bin(low=0.0, high=0.5, count=0, confidence=None, right=None),
    Bin(low=0.5, high=1.0, count=7, confidence=0.8, right=0.5),
]
POINTS = [
    Point(confidence=0.9, count=2, wrong=0, coverage=0.5, risk=0.0),
    Point(confidence=0.4, count=4, wrong=1, coverage=1.0, risk=0.25),
]
CHARTS = {
    "reliability": lambda: reliability(BINS),
    "empty": lambda: reliability(BINS[:1]),
    "risk": lambda: risk(POINTS, POINTS[:1]),
    "tokens": lambda: distribution("tokens", [1.0, 2.0, 9.0], "tokens per answer"),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_takes_colours_and_fonts_from_the_page(name: str) -> None:
    svg = CHARTS[name]()
    assert not re.search(r'style=|<style|#0[0-9]0|font-family|(fill|stroke)="#|<metadata|rdf|href="http', svg)
    assert 'class="' in svg


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_whole_and_has_a_name_and_a_description(name: str) -> None:
    svg = CHARTS[name]()
    ids = re.findall(r' id="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
    assert svg.startswith('<svg class="chart"') and svg.endswith("</svg>")
    assert f'role="img" aria-labelledby="{ids[0]} {ids[1]}"' in svg
    assert re.search(rf'<title id="{ids[0]}">\w[^<]+</title><desc id="{ids[1]}">\w[^<]+</desc>', svg)
    used = {
        target for pair in re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', svg) for target in pair if target
    }
    assert used <= set(ids)


def test_the_same_numbers_give_the_same_bytes() -> None:
    assert risk(POINTS) == risk(POINTS)


def test_bins_show_their_counts_and_empty_ones_are_left_out() -> None:
    assert ">7</text>" in reliability(BINS)
    assert ">7</text>" not in reliability(BINS[:1])


def test_without_the_library_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PrerequisiteError, match="extra `evals`"):
        risk(POINTS)


def test_ids_of_two_charts_never_meet() -> None:
    def ids(svg: str) -> set[str]:
        return set(re.findall(r' id="([^"]*)"', svg))

    assert not ids(reliability(BINS)) & ids(risk(POINTS))
