import json

from evals.evaluation import Evaluation
from evals.report import Baseline, to_json


def test_it_holds_every_score_with_its_reason(failed: Evaluation) -> None:
    report = json.loads(to_json(failed))
    assert report["passed"] is False
    assert report["provenance"]["run_id"] == "new"
    assert report["identity"]["prompt_version"] == "v2"
    assert report["metrics"]["category"]["count"] == 6
    assert report["metrics"]["category"]["unit"] == "share"
    assert report["cases"][0]["scores"]["category"]["value"] == 0.0
    assert {each["case_id"] for each in report["failures"]} >= {"broken", "errored"}
    assert [each["case_id"] for each in report["known"]] == ["known"]


def test_excerpts_are_left_out(failed: Evaluation) -> None:
    report = json.loads(to_json(failed))
    assert all("excerpt" not in row for row in report["cases"])
    assert "line 9" not in to_json(failed)


def test_tables_add_up(failed: Evaluation) -> None:
    tables = json.loads(to_json(failed))["tables"]
    assert sum(pair["count"] for pair in tables["confusion"]) == 9
    assert sum(group["cases"] for group in tables["category"]) == 9
    assert sum(each["count"] for each in tables["calibration"]) == 8
    assert tables["risk_coverage"][-1]["coverage"] == 1.0


def test_the_comparison_is_there_when_it_is_given(failed: Evaluation, baseline: Baseline) -> None:
    assert json.loads(to_json(failed))["comparison"] is None
    comparison = json.loads(to_json(failed, baseline=baseline))["comparison"]
    assert [flip["case_id"] for flip in comparison["flips"]] == ["broken", "well-0"]
