"""Candidate against baseline by one metric."""

import runs

from evals import trial
from evals.criterion import Verdict
from evals.policy import load_policy

POLICY = load_policy()
BASE = runs.run(runs.grid(wrong=range(20)))


def primary(**changes):
    return trial.primary(runs.run(runs.grid(**changes)), BASE, POLICY)


def guards(candidate, baseline=BASE, policy=POLICY):
    return {check.name.removeprefix("guard: "): check for check in trial.guards(candidate, baseline, policy)}


def test_equal_answers_pass_and_a_small_loss_within_the_margin_too():
    assert primary(wrong=range(20)).verdict is Verdict.PASS
    check = primary(wrong=[*range(20), 40, 41])
    assert check.verdict is Verdict.PASS
    assert check.limit == -POLICY.primary.margin < check.bound < check.measured < 0


def test_a_clear_loss_fails():
    check = primary(wrong=range(80))
    assert check.verdict is Verdict.FAIL
    assert check.measured < -POLICY.primary.margin


def test_a_loss_near_the_margin_stays_open():
    assert primary(wrong=range(20 + 18)).verdict is Verdict.INCONCLUSIVE


def test_few_clusters_allow_no_verdict_and_say_how_many_more():
    base = runs.run(runs.grid(cases=300, clusters=10))
    check = trial.primary(base, base, POLICY)
    assert check.verdict is Verdict.INCONCLUSIVE
    assert check.more_cases > 0


def test_superiority_asks_for_more_than_equality():
    asked = POLICY.primary.model_copy(update={"test": "superiority", "margin": None})
    policy = POLICY.model_copy(update={"primary": asked})
    equal, better = runs.run(runs.grid(wrong=range(20))), runs.run(runs.grid())
    assert trial.primary(equal, BASE, policy).verdict is Verdict.INCONCLUSIVE
    assert trial.primary(better, BASE, policy).verdict is Verdict.PASS


def test_without_a_baseline_nothing_is_shown():
    run = runs.run(runs.grid())
    checks = [trial.primary(run, None, POLICY), *trial.guards(run, None, POLICY)]
    assert {check.verdict for check in checks} == {Verdict.INCONCLUSIVE}
    assert all("--baseline" in check.reason for check in checks)
    assert len(checks) == 1 + len(POLICY.guards)


def test_a_guard_that_breaks_is_the_one_that_fails():
    found = guards(runs.run(runs.grid(wrong=range(20), invented=lambda n: n % 4 == 1)))
    assert found["grounding"].verdict is Verdict.FAIL
    assert found["category"].verdict is Verdict.PASS


def test_a_guard_without_a_scored_case_stays_open():
    run = runs.run(runs.grid(safe=False))
    assert guards(run, run)["safe_recall"].verdict is Verdict.INCONCLUSIVE


def test_guards_that_pass_alone_can_be_too_many_together():
    run = runs.run(runs.grid(cases=90, clusters=90))
    margin = 0.035  # just above what 90 cases can show without one regression
    alone = POLICY.model_copy(update={"guards": {"category": margin}})
    assert guards(run, run, alone)["category"].verdict is Verdict.PASS
    names = ("category", "failure_type", "evidence_recall", "grounding")
    together = POLICY.model_copy(update={"guards": dict.fromkeys(names, margin)})
    found = guards(run, run, together)
    assert {check.verdict for check in found.values()} == {Verdict.INCONCLUSIVE}
    assert "Holm" in found["category"].reason
