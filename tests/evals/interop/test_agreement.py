import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.dataset import load
from evals.errors import PrerequisiteError, RunError
from evals.interop.agreement import Verdict, compare, ours, read_result, theirs
from evals.interop.assertion import get_assert
from evals.interop.provider import call_api

ROOT = Path(__file__).parents[3]
Build = Callable[..., Any]
WHERE = {"basePath": str(ROOT / "datasets"), "datasets": ["lab"], "analyst": "rules"}
CASE = {"case_id": "currency-sync"}


def verdict(*, passed: bool = True, error: str = "", **scores: float) -> Verdict:
    return Verdict(passed=passed, scores=scores, error=error)


def test_two_that_agree_differ_in_nothing() -> None:
    both = {"a": verdict(category=1.0), "b": verdict(passed=False, category=0.0)}
    assert compare(both, dict(both)) == ()


@pytest.mark.parametrize(
    ("here", "there", "what"),
    [
        ({"a": verdict()}, {}, "only evals has it"),
        ({}, {"a": verdict()}, "only promptfoo has it"),
        ({"a": verdict()}, {"a": verdict(passed=False)}, "passed: True here, False in promptfoo"),
        ({"a": verdict(leak=1.0)}, {"a": verdict(leak=0.0)}, "leak: 1.0 here, 0.0 in promptfoo"),
        ({"a": verdict(leak=1.0)}, {"a": verdict()}, "leak: 1.0 here, None in promptfoo"),
        ({"a": verdict(passed=False, error="x")}, {"a": verdict(passed=False)}, "error: 'x' here"),
    ],
)
def test_each_way_to_differ_is_told(here: dict[str, Verdict], there: dict[str, Verdict], what: str) -> None:
    (found,) = compare(here, there)
    assert found.case_id == "a"
    assert found.what.startswith(what)


def test_our_verdict_is_what_a_case_must_hold(judged: Build) -> None:
    rows = [judged("good"), judged("bad", label={"safe_to_retry": False}), judged("gone", error=OSError("x"))]
    verdicts = ours(rows)
    assert {name: item.passed for name, item in verdicts.items()} == {
        "good": True,
        "bad": False,
        "gone": False,
    }
    assert verdicts["gone"].error == "OSError: x"
    assert "leak" not in verdicts["good"].scores, "not scored is no score"


def test_a_result_file_is_read_by_case() -> None:
    rows = [
        {"testCase": {"vars": {"case_id": "a"}}, "success": True, "failureReason": 0,
         "gradingResult": {"namedScores": {"category": 1}}},
        {"testCase": {"vars": {"case_id": "b"}}, "success": False, "failureReason": 2, "error": "boom",
         "gradingResult": None},
    ]  # fmt: skip
    read = read_result({"results": {"version": 3, "results": rows}})
    assert read == {"a": verdict(category=1), "b": verdict(passed=False, error="boom")}


def test_provider_and_assertion_give_our_own_verdict() -> None:
    answer = call_api("", {"config": WHERE}, {"vars": CASE})
    graded = get_assert(json.loads(json.dumps(answer["output"])), {"vars": CASE})
    assert graded["pass"] is True
    assert graded["namedScores"]["category"] == 1.0
    assert answer["tokenUsage"]["total"] == 0


def test_an_unknown_case_is_an_error_of_the_case() -> None:
    answer = call_api("", {"config": WHERE}, {"vars": {"case_id": "nobody"}})
    assert "nobody: in none of lab" in answer["error"]


def test_a_wrong_answer_fails_with_its_reason() -> None:
    output = call_api("", {"config": WHERE}, {"vars": CASE})["output"]
    output["diagnosis"]["category"] = "DATA_QUALITY"
    graded = get_assert(output, {"vars": CASE})
    assert graded["pass"] is False
    assert "category: expected DEPENDENCY_FAILURE" in graded["reason"]
    assert 0 < graded["score"] < 1


def stand_in(folder: Path, body: str) -> Path:
    """An executable that takes promptfoo's place."""
    file = folder / "promptfoo"
    file.write_text(f"#!{sys.executable}\nimport sys\n{body}\n", encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def test_a_missing_promptfoo_is_a_missing_prerequisite(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match="make promptfoo"):
        theirs(load(ROOT / "datasets" / "lab"), tmp_path / "none", os.environ)


def test_a_promptfoo_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    broken = stand_in(tmp_path, "sys.exit('no such option')")
    with pytest.raises(RunError, match=r"exit code 1: no such option"):
        theirs(load(ROOT / "datasets" / "lab"), broken, os.environ)


@pytest.mark.skipif(
    not (ROOT / "build/promptfoo/node_modules/.bin/promptfoo").exists(), reason="make promptfoo installs it"
)
def test_the_real_promptfoo_agrees_on_a_case(dataset: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    lab = load(ROOT / "datasets" / "lab")
    found = theirs(lab, ROOT / "build/promptfoo/node_modules/.bin/promptfoo", os.environ)
    assert len(found) == len(lab.cases)
