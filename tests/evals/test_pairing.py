"""Two runs become pairs of verdicts, case by case."""

import runs

from evals.metric import METRICS
from evals.pairing import BY_NAME, is_more_better, is_paired, pair_metric


def paired(old, new, metric="category"):
    return pair_metric(runs.run(old), runs.run(new), BY_NAME[metric])


def test_cases_are_paired_by_id_with_both_verdicts():
    old = [runs.row("a"), runs.row("b", right=False), runs.row("c", right=False, cluster="k")]
    new = [runs.row("c", cluster="k"), runs.row("b", right=False), runs.row("a", right=False)]
    found = paired(old, new)
    assert (found.cases, found.clusters) == (("a", "b", "c"), ("a", "b", "k"))
    assert (found.before, found.after) == ((1, 0, 0), (0, 0, 1))
    assert (found.total, found.spread, found.won, found.lost) == (3, 3, 1, 1)
    assert found.differences == (-1, 0, 1)


def test_a_case_is_right_only_when_every_repeat_is():
    old = [runs.row("a", repeat=0), runs.row("a", repeat=1)]
    new = [runs.row("a", repeat=0), runs.row("a", repeat=1, right=False)]
    assert paired(old, new).after == (0,)


def test_numbers_are_averaged_over_repeats():
    old = [runs.row("a", tokens=10), runs.row("a", repeat=1, tokens=30)]
    new = [runs.row("a", tokens=100), runs.row("a", repeat=1, tokens=100)]
    found = paired(old, new, "tokens_mean")
    assert (found.before, found.after) == ((20,), (100,))


def test_a_case_without_an_answer_never_helps_its_run():
    old, new = [runs.row("a"), runs.row("b")], [runs.row("a", error="boom"), runs.row("b")]
    for metric in ("category", "grounding", "schema", "errors"):
        assert paired(old, new, metric).after == (0, 1), metric
        assert paired(new, old, metric).before == (0, 1), metric


def test_a_question_that_arises_in_one_run_alone_is_not_paired():
    old, new = [runs.row("a"), runs.row("b")], [runs.row("a", shown=False), runs.row("b")]
    assert paired(old, new, "grounding").cases == ("b",)
    assert paired(old, new, "safe_recall").total == 0


def test_a_price_that_one_run_does_not_know_is_not_paired():
    assert paired([runs.row("a", model_id=None)], [runs.row("a")], "cost_mean").total == 0


def test_every_metric_has_a_direction():
    fewer = {metric.name for metric in METRICS if not is_more_better(metric)}
    assert {"leaks", "wrong_safe", "confident_wrong", "errors", "brier", "ece", "aurc"} <= fewer
    assert {"tokens_mean", "cost_mean", "wall_p95"} <= fewer
    assert not fewer & {"category", "macro_f1", "grounded_lines", "safe_recall", "confident_right"}


def test_percentiles_and_formulas_are_not_paired():
    assert not {"macro_f1", "ece", "tokens_p95", "cost_total"} & {m.name for m in METRICS if is_paired(m)}
