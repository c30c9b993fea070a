"""What stands between two runs and a fair comparison."""

import pytest
import runs

from evals.mismatch import EXCUSABLE, Kind, mismatches
from evals.run import DatasetId


def kinds(old, new):
    return [each.kind for each in mismatches(old, new)]


def both(**identity):
    rows = [runs.row("a"), runs.row("b")]
    return runs.run(rows), runs.run(rows, **identity)


def test_two_runs_that_differ_in_prompt_and_model_alone_are_comparable():
    old = runs.run([runs.row("a")])
    new = runs.run([runs.row("a", prompt_version="v2", model_id="m")], prompt_version="v2", model_id="m")
    assert mismatches(old, new) == ()
    assert mismatches(old, runs.rules([runs.row("a", model_id=None)])) == ()


@pytest.mark.parametrize(
    ("identity", "kind", "words"),
    [
        ({"settings": {"max_log_size_bytes": 1024}}, Kind.SETTINGS, ["max_log_size_bytes", "32768", "1024"]),
        ({"settings": {}}, Kind.SETTINGS, ["max_log_size_bytes", "32768", "None"]),
        ({"code_sha256": "0" * 64}, Kind.CODE, [runs.sha256("code")[:12], "0" * 12, "one commit"]),
        ({"scorers_sha256": "0" * 64}, Kind.SCORERS, [runs.sha256("scorers")[:12], "0" * 12, "one commit"]),
        (
            {"datasets": (DatasetId(name="synthetic", cases=2, sha256="0" * 64),)},
            Kind.DATASETS,
            ["synthetic", runs.sha256("a b")[:12], "0" * 12, "one version"],
        ),
    ],
)
def test_each_difference_names_both_values_and_the_next_step(identity, kind, words):
    (found,) = mismatches(*both(**identity))
    assert found.kind is kind
    assert all(word in found.text for word in words), found.text


def test_other_repeats_and_missing_rows_are_told():
    old, new = both(repeats=3)
    assert kinds(old, new) == [Kind.INCOMPLETE, Kind.REPEATS]
    text = mismatches(old, new)[0].text
    assert "candidate: 2 rows of 6 planned" in text
    assert [m.kind for m in mismatches(new, old)] == [Kind.INCOMPLETE, Kind.REPEATS]


def test_a_dataset_of_one_run_alone_is_named():
    old = runs.run([runs.row("a"), runs.row("b", dataset="lab")])
    (found,) = mismatches(old, runs.run([runs.row("a")]))
    assert "dataset lab: only in the baseline" in found.text


def test_datasets_of_one_name_are_all_compared():
    def ids(*versions):
        return {"datasets": tuple(DatasetId(name="lab", cases=1, sha256=each * 64) for each in versions)}

    rows = [runs.row("a"), runs.row("b")]
    old, new = runs.run(rows, **ids("0", "2")), runs.run(rows, **ids("1", "2"))
    (found,) = mismatches(old, new)
    assert found.kind is Kind.DATASETS
    assert "000000000000, 222222222222 in the baseline, 111111111111, 222222222222 in" in found.text
    assert mismatches(old, runs.run(rows, **ids("2", "0"))) == ()
    assert kinds(old, runs.run(rows, **ids("0", "0"))) == [Kind.DATASETS]


def test_a_part_is_not_the_part_of_something_else():
    whole = DatasetId(name="synthetic", cases=2, sha256="0" * 64)
    parts = [whole.model_copy(update={"part_of": each * 64}) for each in "12"]
    made = [runs.run([runs.row("a"), runs.row("b")], datasets=(each,)) for each in (whole, *parts)]
    assert mismatches(made[1], made[1]) == ()
    (found,) = mismatches(made[0], made[1])
    assert "000000000000 in the baseline, 000000000000 (a part of 111111111111) in the cand" in found.text
    assert kinds(made[1], made[2]) == [Kind.DATASETS]


def test_other_cases_are_told_even_when_the_datasets_claim_to_be_the_same():
    same = {"datasets": (DatasetId(name="synthetic", cases=1, sha256="0" * 64),)}
    old, new = runs.run([runs.row("a")], **same), runs.run([runs.row("b")], **same)
    assert [each.text.split(";")[0] for each in mismatches(old, new)] == [
        "1 cases only in the baseline, such as a",
        "1 cases only in the candidate, such as b",
    ]
    altered = runs.run([runs.row("a").model_copy(update={"case_sha256": "0" * 64})], **same)
    (found,) = mismatches(old, altered)
    assert (found.kind, "case a" in found.text, "0" * 12 in found.text) == (Kind.CASES, True, True)


def test_other_cases_can_never_be_looked_past():
    assert not EXCUSABLE & {Kind.DATASETS, Kind.CASES}
