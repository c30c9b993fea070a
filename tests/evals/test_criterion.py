"""Single questions of the policy: what passes, what fails, what stays open."""

import pytest
import runs

from diagnose.diagnosis import Status
from evals import criterion
from evals.criterion import Verdict
from evals.policy import load_policy
from evals.statistics import cases_for_bound

POLICY = load_policy()


def named(checks):
    return {check.name: check for check in checks}


def test_few_errors_are_forgiven_and_more_leave_it_open():
    one = runs.run(runs.grid(cases=200, error=lambda n: "boom" if n < 2 else ""))
    more = runs.run(runs.grid(cases=200, error=lambda n: "Timeout: late" if n < 3 else ""))
    assert criterion.completeness(one, POLICY).verdict is Verdict.PASS
    check = criterion.completeness(more, POLICY)
    assert (check.verdict, check.measured) == (Verdict.INCONCLUSIVE, pytest.approx(197 / 200))
    assert "Timeout: late" in check.reason


def fallen_back(status, count):
    """A run in which the rules had to answer some cases."""
    rows = runs.grid(cases=200)
    for number in range(count):
        given = rows[number].diagnosis.model_copy(
            update={"model_id": None, "analyst": "rules", "status": status}
        )
        rows[number] = rows[number].model_copy(update={"diagnosis": given})
    return runs.run(rows)


def test_verdicts_of_the_rules_are_no_proof_of_a_prompt():
    assert criterion.answered(fallen_back(Status.ANALYSIS_ABORTED, 2), POLICY).verdict is Verdict.PASS
    check = criterion.answered(fallen_back(Status.ANALYSIS_ABORTED, 20), POLICY)
    assert (check.verdict, check.measured) == (Verdict.INCONCLUSIVE, 0.9)
    assert "20 ANALYSIS_ABORTED" in check.reason


def test_a_prompt_whose_replies_are_not_valid_fails():
    check = criterion.answered(fallen_back(Status.PARSE_ERROR, 20), POLICY)
    assert check.verdict is Verdict.FAIL
    assert "20 PARSE_ERROR" in check.reason


def test_the_rules_answer_for_themselves():
    assert criterion.answered(runs.rules(), POLICY).verdict is Verdict.PASS


def test_too_few_cases_of_an_origin_say_how_many_more():
    run = runs.run(runs.grid(cases=200, origin=lambda n: "lab" if n < 4 else "synthetic"))
    (check,) = criterion.origins(run, POLICY)
    assert (check.verdict, check.more_cases) == (Verdict.INCONCLUSIVE, 7)
    assert (4 + 7) / (200 + 7) >= POLICY.origins["lab"] > (4 + 6) / (200 + 6)
    (check,) = criterion.origins(runs.run(runs.grid(cases=200)), POLICY)
    assert (check.verdict, check.more_cases) == (Verdict.PASS, None)


def test_one_leak_fails_and_names_its_case():
    run = runs.run(runs.grid(leak=lambda n: n == 7))
    check = criterion.zero(run, "leaks", POLICY)
    assert (check.verdict, check.measured) == (Verdict.FAIL, 1)
    assert [case.case_id for case in check.failed] == ["case-0007"]
    assert runs.canary("case-0007") not in check.model_dump_json()


def test_one_wrong_safe_in_one_repeat_fails():
    rows = [*runs.grid(cases=150), *runs.grid(cases=150, repeat=1, said=lambda n: n in {3, 4})]
    check = criterion.zero(runs.run(rows), "wrong_safe", POLICY)
    assert (check.verdict, check.measured) == (Verdict.FAIL, 1)
    assert [case.case_id for case in check.failed] == ["case-0003"]


def test_none_in_too_few_clusters_is_no_proof():
    run = runs.run(runs.grid(cases=400, clusters=40))
    check = criterion.zero(run, "wrong_safe", POLICY)
    clusters = 40 - 10  # every fourth case is safe, and with it every fourth of 40 clusters
    assert check.verdict is Verdict.INCONCLUSIVE
    assert check.more_cases == cases_for_bound(POLICY.zero["wrong_safe"].bound) - clusters


def test_none_without_any_case_is_no_proof():
    check = criterion.zero(runs.run(runs.grid(leak=None)), "leaks", POLICY)
    assert (check.verdict, check.bound) == (Verdict.INCONCLUSIVE, 1)


def test_errored_cases_prove_nothing_clean():
    run = runs.run(runs.grid(error="boom"))
    check = criterion.zero(run, "wrong_safe", POLICY)
    assert (check.verdict, check.bound) == (Verdict.INCONCLUSIVE, 1)


def test_failed_cases_are_named_up_to_a_limit():
    check = criterion.zero(runs.run(runs.grid(leak=True)), "leaks", POLICY)
    assert (check.measured, len(check.failed)) == (runs.CASES, criterion.MAX_CASES)


def test_safe_precision_recall_and_confidence_pass_fail_or_stay_open():
    good = named(criterion.shares(runs.run(runs.grid()), POLICY))
    assert {check.verdict for check in good.values()} == {Verdict.PASS}
    timid = named(criterion.shares(runs.run(runs.grid(said=False)), POLICY))
    assert timid["at least: safe_recall"].verdict is Verdict.FAIL
    assert timid["at least: safe_precision"].verdict is Verdict.INCONCLUSIVE
    bold = named(criterion.shares(runs.run(runs.grid(wrong=range(60))), POLICY))
    assert bold["at most: confident_wrong"].verdict is Verdict.FAIL
    rash = named(criterion.shares(runs.run(runs.grid(said=True)), POLICY))
    assert rash["at least: safe_precision"].verdict is Verdict.FAIL


def test_an_open_share_says_how_many_cases_would_close_it():
    checks = named(criterion.shares(runs.run(runs.grid(cases=40)), POLICY))
    check = checks["at least: safe_precision"]
    assert (check.verdict, check.measured, check.more_cases) == (Verdict.INCONCLUSIVE, 1, 19)
    grown = runs.run(runs.grid(cases=4 * (10 + 19)))
    assert named(criterion.shares(grown, POLICY))["at least: safe_precision"].verdict is Verdict.PASS


def test_no_number_of_cases_helps_a_share_at_its_limit():
    run = runs.run(runs.grid(cases=100, wrong=range(5)))
    check = named(criterion.shares(run, POLICY))["at most: confident_wrong"]
    assert (check.verdict, check.more_cases) == (Verdict.INCONCLUSIVE, None)


def test_ceilings_hold_by_themselves_and_beside_the_baseline():
    base = runs.run(runs.grid(cases=40))
    dear = runs.run(runs.grid(cases=40, tokens=30_000, cost=0.2))
    checks = named(criterion.ceilings(dear, base, POLICY.ceilings))
    assert {check.verdict for check in checks.values()} == {Verdict.FAIL}
    assert checks["ratio: tokens_mean"].measured == pytest.approx(6)
    same = named(criterion.ceilings(base, base, POLICY.ceilings))
    assert {check.verdict for check in same.values()} == {Verdict.PASS}


def test_the_rules_have_no_price_to_compare_with():
    checks = named(criterion.ceilings(runs.run(runs.grid(cases=40)), runs.rules(), POLICY.ceilings))
    assert set(checks) == {"ceiling: tokens_mean", "ceiling: cost_mean"}


def test_a_price_that_is_not_known_is_not_below_the_ceiling():
    run = runs.run(runs.grid(cases=40, cost=lambda n: None if n % 2 else 0.01))
    check = named(criterion.ceilings(run, None, POLICY.ceilings))["ceiling: cost_mean"]
    assert check.verdict is Verdict.INCONCLUSIVE
    assert "20 cases only" in check.reason
