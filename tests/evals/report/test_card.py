import pytest

from evals.evaluation import Evaluation
from evals.metric import METRICS, Unit
from evals.report import Baseline
from evals.report.card import MAIN, amount, make_cards, make_groups


def test_every_card_is_of_a_metric() -> None:
    assert {metric.name for metric in METRICS} >= MAIN


def test_groups_hold_what_is_scored(failed: Evaluation) -> None:
    groups = dict(make_groups(make_cards(failed.values, None)))
    names = {card.value.metric.name for cards in groups.values() for card in cards}
    assert "category_accepted" in names
    assert "leaks" not in names, "no case has a canary"


def test_a_card_tells_what_changed(failed: Evaluation, baseline: Baseline) -> None:
    cards = {card.value.metric.name: card for card in make_cards(failed.values, baseline)}
    delta = cards["category"].delta
    assert delta is not None
    assert delta.change == "0.000"
    assert delta.finding == "no difference seen"
    assert delta.level == pytest.approx(6 / 9)
    assert cards["leaks"].delta is None
    assert cards["tokens_mean"].delta is not None
    assert cards["tokens_mean"].delta.level is None, "tokens have no scale from 0 to 1"


@pytest.mark.parametrize(
    ("number", "unit", "sign", "text"),
    [
        (0.25, Unit.SHARE, "+", "+0.250"),
        (-0.25, Unit.SHARE, "+", "\N{MINUS SIGN}0.250"),
        (-0.0001, Unit.SHARE, "+", "0.000"),
        (0.25, Unit.SHARE, "", "0.250"),
        (-1234.0, Unit.TOKENS, "+", "\N{MINUS SIGN}1,234 tokens"),
        (0.01, Unit.USD, "", "0.0100 USD"),
    ],
)
def test_amounts_have_units_and_true_signs(number: float, unit: Unit, sign: str, text: str) -> None:
    assert amount(number, unit, sign=sign) == text
