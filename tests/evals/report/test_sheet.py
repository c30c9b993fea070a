from collections.abc import Callable

import runs

from evals.evaluation import Evaluation
from evals.known import Miss
from evals.report import Baseline
from evals.report.sheet import State, make_pairs, make_sheets
from evals.requirement import Requirement
from evals.run import Row


def test_every_answer_has_a_sheet_and_a_state(failed: Evaluation) -> None:
    states = {sheet.name: sheet.state for sheet in make_sheets(failed)}
    assert states["broken"] is State.FAILED
    assert states["errored"] is State.ERRORED
    assert states["known"] is State.KNOWN
    assert states["well-0"] is State.HELD


def test_a_miss_that_nothing_requires_is_not_exact(row: Callable[..., Row]) -> None:
    run = runs.run([row("a", type_right=False)])
    (sheet,) = make_sheets(runs.assessed(run, ()))
    assert sheet.state is State.MISSED
    assert [name for name, _ in sheet.misses] == ["kind"]


def test_of_several_answers_only_the_wrong_one_has_the_failure(row: Callable[..., Row]) -> None:
    run = runs.run([row("a"), row("a", repeat=1, right=False)])
    good, bad = make_sheets(runs.assessed(run, [Requirement.CATEGORY]))
    assert (good.failures, good.state) == ((), State.HELD)
    assert [each.requirement for each in bad.failures] == ["category"]
    assert (good.name, bad.name) == ("a #1", "a #2")


def test_a_listed_miss_that_mended_is_shown_with_its_case(row: Callable[..., Row]) -> None:
    miss = Miss(case_id="a", requirement=Requirement.CATEGORY, reason="was hard to tell")
    (sheet,) = make_sheets(runs.assessed(runs.run([row("a")]), [Requirement.CATEGORY], [miss]))
    assert sheet.state is State.FAILED
    assert "remove it" in sheet.failures[0].reason


def test_a_changed_case_has_both_answers(failed: Evaluation, baseline: Baseline) -> None:
    sheets = make_sheets(failed, baseline.comparison.flips)
    pairs = {pair.flip.case_id: pair for pair in make_pairs(baseline.comparison.flips, baseline.run, sheets)}
    assert set(pairs) == {"broken", "well-0"}
    assert pairs["broken"].before.category_right
    assert not pairs["broken"].after.category_right
    assert pairs["broken"].before.passages[0].lines[3].shown
    assert {sheet.name: sheet.change for sheet in sheets if sheet.change} == {
        "broken": "broken",
        "well-0": "repaired",
    }


def test_of_several_answers_the_pair_takes_the_one_that_decided(row: Callable[..., Row]) -> None:
    from evals.comparison import compare

    old = runs.run([row("a"), row("a", repeat=1)])
    new = runs.run([row("a"), row("a", repeat=1, right=False)], run_id="new")
    flips = compare(old, new).flips
    (pair,) = make_pairs(flips, old, make_sheets(runs.assessed(new, ())))
    assert pair.after.row.repeat == 1
