"""Two runs side by side: differences, how sure they are, and what is refused."""

from functools import cache

import pytest
import runs

from evals.comparison import Finding, compare
from evals.errors import ComparisonError
from evals.metric import measure
from evals.mismatch import Kind
from evals.statistics import Pairs, mcnemar, tango

GUARDS = ("category", "evidence_recall", "grounding", "safe_recall")


@cache
def baseline():
    return runs.run(runs.grid(wrong=range(20)), run_id="old")


def candidate(**changes):
    rows = runs.grid(**{"prompt_version": "v2", "wrong": range(20), **changes})
    return runs.run(rows, run_id="new", prompt_version="v2")


def by_metric(old, new, **options):
    return {each.metric: each for each in compare(old, new, **options).differences}


def test_the_same_answers_show_no_difference_and_no_flips():
    found = compare(baseline(), candidate(), guards=GUARDS)
    assert {each.finding for each in found.differences} == {Finding.SAME, Finding.NONE}
    assert found.flips == ()
    assert (found.cases, found.clusters, found.caveats) == (runs.CASES, runs.CLUSTERS, ())
    assert found.changed[0] == "prompt_version: v1 → v2"


def test_a_worse_candidate_is_found_worse():
    each = by_metric(baseline(), candidate(wrong=range(60)), guards=GUARDS)["category"]
    assert each.finding is Finding.WORSE
    assert (each.won, each.lost, each.difference) == (0, 40, pytest.approx(-40 / runs.CASES))
    assert each.interval.high < 0


def test_a_better_candidate_is_found_better():
    each = by_metric(baseline(), candidate(wrong=()), guards=GUARDS)["category"]
    assert each.finding is Finding.BETTER
    assert each.interval.low > 0


def test_values_are_those_of_the_report():
    new = candidate(wrong=range(5, 40))
    each, told = by_metric(baseline(), new)["category_accepted"], measure(new.rows)["category_accepted"]
    assert each.candidate == pytest.approx(told.share)


def test_the_interval_is_the_wider_of_both_and_both_are_kept():
    each = by_metric(baseline(), candidate(wrong=range(10, 45)))["category"]
    pairs = Pairs(total=each.cases, better=each.won, worse=each.lost)
    assert (each.tango.low, each.tango.high) == (tango(pairs).low, tango(pairs).high)
    assert each.interval.low == min(each.tango.low, each.cluster.low)
    assert each.interval.high == max(each.tango.high, each.cluster.high)
    assert each.p == mcnemar(pairs, alternative="two-sided")


def test_a_loss_of_whole_clusters_is_less_sure_than_a_scattered_one():
    together = candidate(right=lambda number: number >= 20 and number % runs.CLUSTERS not in range(20, 24))
    scattered = candidate(wrong=[*range(20), *range(100, 112)])
    wide, narrow = (by_metric(baseline(), run)["category"] for run in (together, scattered))
    assert wide.lost == narrow.lost
    assert wide.cluster.high - wide.cluster.low > narrow.cluster.high - narrow.cluster.low


def test_fewer_leaks_and_wrong_safe_are_better():
    bad = candidate(leak=True, said=True)
    worse, better = by_metric(baseline(), bad), by_metric(bad, baseline())
    for metric in ("leaks", "wrong_safe"):
        assert (worse[metric].finding, worse[metric].difference) == (Finding.WORSE, pytest.approx(1.0))
        assert better[metric].finding is Finding.BETTER
        assert better[metric].interval.high < 0


def test_means_get_a_cluster_interval_and_a_sign_flipping_test():
    new = candidate(tokens=lambda number: 5500 + number % 7, confidence=0.8)
    found = by_metric(baseline(), new)
    assert found["tokens_mean"].finding is Finding.WORSE
    assert found["tokens_mean"].p < 0.001
    assert (found["tokens_mean"].tango, found["tokens_mean"].won) == (None, None)
    assert found["brier"].baseline != found["brier"].candidate


def test_percentiles_and_formulas_are_shown_and_not_tested():
    found = by_metric(baseline(), candidate(tokens=6000))["tokens_p95"]
    assert (found.baseline, found.candidate, found.difference) == (5000, 6000, 1000)
    assert (found.p, found.finding) == (None, Finding.NONE)


def test_what_one_run_has_no_number_for_is_not_compared():
    found = by_metric(runs.rules(), candidate())["cost_mean"]
    assert (found.baseline, found.candidate, found.finding) == (None, pytest.approx(0.02), Finding.NONE)


def test_guards_are_adjusted_together_and_others_are_not():
    new = candidate(wrong=range(20, 33), invented=lambda number: number < 8)
    alone, together = (
        by_metric(baseline(), new, guards=("grounding",)),
        by_metric(baseline(), new, guards=GUARDS),
    )
    assert together["grounding"].p_holm > alone["grounding"].p_holm == alone["grounding"].p
    assert together["category_accepted"].p_holm is None


def test_the_detectable_difference_shrinks_with_cases():
    few = by_metric(runs.run(runs.grid(cases=60, clusters=30)), runs.run(runs.grid(cases=60, clusters=30)))
    many = by_metric(baseline(), candidate())
    assert few["category"].detectable > many["category"].detectable > 0


def test_few_clusters_and_a_single_one_are_told():
    for clusters in (1, 10):
        run = runs.run(runs.grid(cases=40, clusters=clusters))
        found = compare(run, run)
        assert f"only {clusters} clusters" in found.caveats[0]
        assert {each.finding for each in found.differences} <= {Finding.SAME, Finding.NONE}


def test_a_comparison_repeats_to_the_last_digit():
    new = candidate(wrong=range(30))
    assert compare(baseline(), new) == compare(baseline(), new)


def test_other_data_is_refused_with_both_values_and_the_next_step():
    other = runs.run(runs.grid(cases=100))
    with pytest.raises(ComparisonError, match=r"dataset synthetic: sha256 \w+ in the baseline.*one version"):
        compare(baseline(), other)
    with pytest.raises(ComparisonError, match="dataset synthetic"):
        compare(baseline(), other, allow=list(Kind))


def test_nothing_is_refused():
    empty = runs.run([], datasets=baseline().identity.datasets)
    with pytest.raises(ComparisonError, match="the candidate run has no rows"):
        compare(baseline(), empty, allow=list(Kind))
    with pytest.raises(ComparisonError, match="the baseline run has no rows"):
        compare(empty, baseline())


def test_an_allowed_difference_becomes_a_caution():
    new = runs.run(runs.grid(), settings={"max_log_size_bytes": 1}, code_sha256="0" * 64)
    with pytest.raises(ComparisonError, match=r"max_log_size_bytes.*--allow code,settings"):
        compare(baseline(), new)
    with pytest.raises(ComparisonError, match="product code"):
        compare(baseline(), new, allow=[Kind.SETTINGS])
    found = compare(baseline(), new, allow=[Kind.SETTINGS, Kind.CODE])
    assert len(found.caveats) == 2
    assert all("compared all the same" in caveat for caveat in found.caveats)


def test_an_incomplete_run_can_be_looked_at_and_pairs_what_is_there():
    ids = baseline().identity.datasets
    part = runs.run(runs.grid(cases=300), datasets=ids)
    with pytest.raises(ComparisonError, match="candidate: 300 rows of 375"):
        compare(baseline(), part)
    found = compare(baseline(), part, allow=[Kind.INCOMPLETE])
    assert {each.cases for each in found.differences if each.metric == "category"} == {300}
    assert "300 rows of 375" in found.caveats[0]


def test_repeats_are_folded_before_they_are_compared():
    old = runs.run([*runs.grid(cases=40), *runs.grid(cases=40, repeat=1)])
    new = runs.run([*runs.grid(cases=40), *runs.grid(cases=40, repeat=1, wrong=range(3))])
    each = by_metric(old, new)["category"]
    assert (each.cases, each.lost) == (40, 3)
