import runs

from evals.evaluation import Evaluation
from evals.report.provenance import NO_MODEL, cost, facts


def test_everything_that_decides_the_answers_is_named(failed: Evaluation) -> None:
    told = dict(facts(failed.run))
    assert told["run"] == "new"
    assert told["date"] == "2026-11-22 12:00 UTC"
    assert told["commit"] == "unknown"
    assert told["model"] == runs.MODEL
    assert told["prompt"] == f"v2, sha256 {runs.sha256('v2')}"
    assert told["answers"] == "9 of 9 planned, 1 errored"
    assert told["dataset synthetic"].startswith("9 cases, sha256 ")
    assert told["sampling"] == "none: nothing is drawn"


def test_seed_and_temperature_are_named() -> None:
    run = runs.run([runs.row("a")], sampling={"temperature": 0.0, "seed": 7})
    assert dict(facts(run))["sampling"] == "seed=7, temperature=0.0"


def test_costs_are_summed_and_unknown_prices_counted() -> None:
    run = runs.run([runs.row("a", cost=0.5), runs.row("b", cost=0.25), runs.row("c", cost=None)])
    assert cost(run) == "0.7500 USD for 2 of 3 answers with a known price, 15,000 tokens"


def test_a_run_of_the_rules_costs_nothing(passed: Evaluation) -> None:
    assert cost(passed.run) == NO_MODEL
