"""The gate: what it refuses to judge, and how it judges."""

from functools import cache

import pytest
import runs

from diagnose.shelf import Active
from evals.criterion import Verdict
from evals.errors import GateError
from evals.gate import Exhibit, GateRecord, Shelved, judge
from evals.policy import load_policy
from evals.run import DatasetId

POLICY = load_policy()
V2 = runs.sha256("v2")
EMPTY_SHELF = Shelved(sha256=V2, released=True, active=None, active_sha256=None)


def shelf(**changes):
    return Shelved(**{"sha256": V2, "released": True, "active": None, "active_sha256": None, **changes})


def proven(version="v1", gate="pass 2026-11-01 m"):
    active = Active(version=version, sha256=runs.sha256(version), gate=gate, reason="", run_id="old")
    return shelf(active=active, active_sha256="f" * 64)


def exhibit(run):
    return Exhibit(run=run, file="result.json", sha256=runs.sha256(run.provenance.run_id))


@cache
def rules():
    return runs.rules(runs.grid(model_id=None, wrong=range(8)))


@cache
def good():
    return candidate()


def candidate(identity=None, **changes):
    return runs.run(
        runs.grid(**{"wrong": range(8), "prompt_version": "v2", **changes}),
        **{"run_id": "new", "prompt_version": "v2", **(identity or {})},
    )


def gate(run=None, baseline=None, on=None, policy=POLICY, today=None):
    return judge(
        exhibit(run or good()),
        exhibit(baseline or rules()),
        policy,
        shelf=on or shelf(),
        standing=today or runs.standing(run or good()),
        date=runs.MOMENT,
    )


def test_a_prompt_that_is_no_worse_than_the_rules_passes_first():
    record = gate()
    assert (record.verdict, record.exit_code, record.more_cases) == (Verdict.PASS, 0, None)
    assert {check.verdict for check in record.checks} == {Verdict.PASS}
    assert (record.candidate.prompt_version, record.candidate.prompt_sha256) == ("v2", V2)
    assert (record.baseline.run_id, record.production) == ("rules", None)
    assert record.policy_sha256 == POLICY.sha256


def test_a_worse_prompt_fails():
    record = gate(candidate(wrong=range(90)))
    assert (record.verdict, record.exit_code) == (Verdict.FAIL, 1)


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"leak": lambda n: n == 3}, "zero: leaks"),
        ({"said": lambda n: n in {0, 1}}, "zero: wrong_safe"),
        ({"tokens": 50_000}, "ceiling: tokens_mean"),
        ({"cost": 0.5}, "ceiling: cost_mean"),
        ({"said": False}, "at least: safe_recall"),
        ({"invented": lambda n: n % 3 == 0}, "guard: grounding"),
    ],
)
def test_one_broken_limit_is_enough(changes, check):
    record = gate(candidate(**changes))
    assert record.verdict is Verdict.FAIL
    assert check in {each.name for each in record.checks if each.verdict is Verdict.FAIL}


def test_too_few_cases_are_inconclusive_and_say_how_many_more():
    few = {"cases": 60, "clusters": 30, "wrong": ()}
    record = gate(candidate(**few), runs.rules(runs.grid(model_id=None, **few)))
    assert (record.verdict, record.exit_code) == (Verdict.INCONCLUSIVE, 3)
    assert record.more_cases == max(check.more_cases or 0 for check in record.checks) > 0


def test_without_a_baseline_nothing_passes():
    today = runs.standing(good())
    record = judge(exhibit(good()), None, POLICY, shelf=shelf(), standing=today, date=runs.MOMENT)
    assert (record.verdict, record.baseline) == (Verdict.INCONCLUSIVE, None)


def test_a_proven_prompt_is_the_baseline_of_the_next():
    old = runs.run(runs.grid(wrong=range(8)), run_id="old")
    record = gate(baseline=old, on=proven())
    assert record.verdict is Verdict.PASS
    assert (record.production.version, record.production.sha256) == ("v1", "f" * 64)
    assert "ratio: tokens_mean" in {check.name for check in record.checks}


def test_a_record_survives_its_file():
    record = gate()
    assert GateRecord.model_validate_json(record.dump()) == record


def test_the_same_runs_get_the_same_record():
    assert gate().dump() == gate().dump()


def refusal(**options):
    with pytest.raises(GateError) as caught:
        gate(**options)
    return str(caught.value)


def test_nothing_in_the_run_is_refused():
    empty = runs.run([], run_id="new", prompt_version="v2", datasets=good().identity.datasets)
    assert "nothing in the run" in refusal(run=empty)
    empty = runs.run([], run_id="rules", model_id=None, datasets=good().identity.datasets)
    assert "baseline rules: nothing in the run" in refusal(baseline=empty)


def test_an_incomplete_run_is_refused():
    part = candidate({"datasets": good().identity.datasets}, cases=300)
    assert "incomplete, 300 rows of 375" in refusal(run=part)


def test_rows_that_are_not_those_of_the_datasets_are_refused():
    rows = runs.grid(cases=2, prompt_version="v2")
    double = [rows[0], rows[0].model_copy(update={"repeat": 1})]
    ids = (DatasetId(name="synthetic", cases=2, sha256="0" * 64),)
    run = runs.run(double, run_id="new", prompt_version="v2", datasets=ids, repeats=1)
    assert "not those of its datasets" in refusal(run=run)


@pytest.mark.parametrize(
    ("identity", "rows", "words"),
    [
        ({"model_id": "tiny.gguf", "analyst": "llama:tiny.gguf"}, {"model_id": "tiny.gguf"}, "tiny.gguf"),
        ({"analyst": "recorded:made-up.jsonl", "model_id": None}, {"model_id": None}, "names no model"),
        ({"analyst": "openai:x"}, {}, "answers of openai:x are no proof"),
    ],
)
def test_answers_of_no_accepted_model_are_refused(identity, rows, words):
    message = refusal(run=candidate(identity, **rows))
    assert words in message
    assert "policy" in message


def test_a_run_by_the_rules_is_no_candidate():
    message = refusal(run=runs.rules(run_id="other"))
    assert "not a model the policy accepts" in message
    assert "--unproven" in message


def test_rows_of_another_model_or_prompt_than_the_run_says_are_refused():
    assert "was answered by tiny.gguf" in refusal(run=candidate(model_id="tiny.gguf"))
    assert "had prompt v7, the run says v2" in refusal(run=candidate(prompt_version="v7"))


def test_answers_that_cost_no_tokens_are_no_models():
    assert "case-0005 has a model's answer that cost no tokens" in refusal(
        run=candidate(tokens=lambda n: 0 if n == 5 else 5000)
    )


@pytest.mark.parametrize(
    ("on", "words"),
    [
        ({"sha256": None, "released": False}, "prompt v2 is not on the shelf"),
        ({"sha256": "0" * 64}, "altered since it was measured"),
        ({"released": False}, "prompt v2 is a draft"),
    ],
)
def test_a_prompt_that_is_not_the_released_one_is_refused(on, words):
    assert words in refusal(on=shelf(**on))


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        ({"settings": {"max_log_size_bytes": 1}}, "max_log_size_bytes: 1 in the baseline, 32768"),
        ({"code_sha256": "0" * 64}, "product code: sha256 000000000000 in the baseline"),
        ({"scorers_sha256": "0" * 64}, "scorers: sha256 000000000000 in the baseline"),
        (
            {"datasets": (DatasetId(name="synthetic", cases=375, sha256="0" * 64),)},
            "dataset lab: only in the candidate",
        ),
    ],
)
def test_a_baseline_made_otherwise_is_refused(identity, words):
    assert words in refusal(baseline=runs.rules(rules().rows, **identity))


def part(run, *, name="synthetic"):
    ids = run.identity.datasets
    return tuple(i.model_copy(update={"part_of": "a" * 64}) if i.name == name else i for i in ids)


@pytest.mark.parametrize("name", ["lab", "synthetic"])
def test_chosen_cases_are_refused_whatever_they_show(name):
    chosen = candidate({"datasets": part(good(), name=name)})
    message = refusal(run=chosen)
    assert f"dataset {name}: the run holds a part of its cases" in message
    assert "aaaaaaaaaaaa" in message
    assert f"dataset {name}" in refusal(baseline=runs.rules(rules().rows, datasets=part(good(), name=name)))


def test_a_part_of_a_dataset_that_is_not_required_is_refused_too():
    rows = [*good().rows, runs.row("extra", dataset="mine", prompt_version="v2")]
    ids = (*good().identity.datasets, DatasetId(name="mine", cases=1, sha256="1" * 64, part_of="2" * 64))
    run = runs.run(rows, run_id="new", prompt_version="v2", datasets=ids)
    assert "dataset mine: the run holds a part" in refusal(run=run)


@pytest.mark.parametrize("name", ["lab", "synthetic", "triage"])
def test_a_run_without_a_required_dataset_is_refused(name):
    left = {"dataset": lambda n: "lab" if name != "lab" else "synthetic"}
    message = refusal(run=candidate(**left), today=runs.standing(good()))
    now = next(each.sha256 for each in good().identity.datasets if each.name == name)
    assert f"dataset {name}: missing in the run, sha256 {now[:12]} in the repository" in message
    assert message.endswith("run the cases again")


def test_a_dataset_that_is_not_todays_is_refused_with_both_values():
    now = {each.name: each.sha256 for each in good().identity.datasets}
    message = refusal(today=runs.standing(good(), datasets={**now, "lab": "f" * 64}))
    assert f"dataset lab: {now['lab'][:12]} in the run, sha256 ffffffffffff in the repository" in message
    assert "synthetic" not in message


def test_a_required_dataset_that_nobody_looked_up_is_no_proof():
    assert "dataset lab: " in refusal(today=runs.standing(good(), datasets={}))


def test_a_required_dataset_with_a_second_of_its_name_is_refused():
    ids = good().identity.datasets
    cut = ids[0].model_copy(update={"cases": ids[0].cases - 1})
    double = (cut, DatasetId(name=cut.name, cases=1, sha256="0" * 64), *ids[1:])
    message = refusal(run=candidate({"datasets": double}), today=runs.standing(good()))
    assert f"dataset {cut.name}: {cut.sha256[:12]} and 000000000000 in the run" in message


def test_more_datasets_than_required_are_fine():
    def more(run, **identity):
        model = run.identity.model_id
        rows = [*run.rows, runs.row("extra", dataset="mine", prompt_version="v2", model_id=model)]
        ids = (*run.identity.datasets, DatasetId(name="mine", cases=1, sha256="1" * 64))
        return runs.run(rows, datasets=ids, model_id=model, run_id=run.provenance.run_id, **identity)

    record = gate(more(good(), prompt_version="v2"), more(rules()), today=runs.standing(good()))
    assert record.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("today", "words"),
    [
        ({"code_sha256": "0" * 64}, f"product code: sha256 {runs.sha256('code')[:12]} in the run, 0000"),
        ({"scorers_sha256": "0" * 64}, f"scorers: sha256 {runs.sha256('scorers')[:12]} in the run, 0000"),
        ({"settings": {"max_log_size_bytes": 1}}, "max_log_size_bytes: 32768 in the run, 1 by default"),
        ({"settings": {}}, "max_log_size_bytes: 32768 in the run, None by default"),
        ({"settings": {**runs.SETTINGS, "new": []}}, "setting new: None in the run, [] by default"),
    ],
)
def test_a_run_of_another_product_than_todays_is_refused(today, words):
    message = refusal(today=runs.standing(good(), **today))
    assert words in message
    assert message.endswith("run the cases again")


def test_a_baseline_must_be_what_is_in_production():
    other = runs.run(runs.grid(prompt_version="v0"), run_id="old", prompt_version="v0")
    assert "v1 is in production; give a run of v1" in refusal(baseline=other, on=proven())
    assert "not a model the policy accepts" in refusal(on=proven())
    assert "the baseline is the rules" in refusal(baseline=other)
    assert "the baseline is the rules" in refusal(baseline=other, on=proven(gate="none"))


def test_a_run_is_not_its_own_baseline():
    assert "the same run" in refusal(baseline=good())
