"""The tracker against a real MLflow on SQLite."""

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from runs import assessed

from diagnose.shelf import load_prompt
from evals.errors import TrackingError
from evals.requirement import Requirement
from evals.tracking import EXPERIMENT, Tracker, hide_userinfo

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, of its dependencies
Build = Callable[..., Any]
PROMPTS = Path(__file__).parents[2] / "prompts" / "diagnosis"


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/kept/mlflow.db"


@pytest.fixture(scope="module")
def tracker(uri: str) -> Tracker:
    return Tracker(uri)


def texts(name: str) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in (PROMPTS / name).glob("*.j2")}


def test_an_evaluation_is_one_run_with_limits_rows_and_dataset(
    tracker: Tracker, uri: str, judged: Build, run_of: Build, tmp_path: Path
) -> None:
    rows = [judged("one"), judged("two", label={"safe_to_retry": False}), judged("gone", error=OSError("x"))]
    evaluation = assessed(run_of(rows, run_id="a-run"), Requirement)
    (tmp_path / "report.html").write_text("<p>report")
    made = tracker.track(evaluation, [tmp_path / "report.html"])
    client = mlflow.MlflowClient(tracking_uri=uri)
    run = client.get_run(made)
    assert client.get_experiment_by_name(EXPERIMENT).experiment_id == run.info.experiment_id
    assert run.info.status == "FINISHED"
    assert run.data.params["analyst"] == "rules"
    assert run.data.params["dataset.set"] == "0" * 64
    assert run.data.tags["passed"] == "false"
    assert run.data.metrics["category"] == pytest.approx(2 / 3)
    assert run.data.metrics["category.cases"] == 3
    assert run.data.metrics["wrong_safe.bound"] > 0.5
    assert run.inputs.dataset_inputs[0].dataset.digest == "0" * 36
    table = json.loads(Path(client.download_artifacts(made, "cases.json", str(tmp_path))).read_text())
    assert len(table["data"]) == 3
    assert {item.path for item in client.list_artifacts(made)} == {"cases.json", "report.html"}


def test_a_run_is_tracked_once(tracker: Tracker, judged: Build, run_of: Build) -> None:
    evaluation = assessed(run_of([judged()], run_id="once"), Requirement)
    assert tracker.track(evaluation) == tracker.track(evaluation)


def test_a_prompt_is_registered_once_per_hash_and_linked_to_its_runs(
    tracker: Tracker, uri: str, judged: Build, run_of: Build
) -> None:
    versions = [load_prompt(name).version for name in ("v1", "v2")]
    numbers = [tracker.mirror(version, texts(version.name)) for version in (*versions, *versions)]
    assert numbers == ["1", "2", "1", "2"]
    run = run_of([judged()], run_id="linked", prompt_version="v2", prompt_sha256=versions[1].sha256)
    made = tracker.track(assessed(run, Requirement))
    tags = mlflow.MlflowClient(tracking_uri=uri).get_run(made).data.tags
    assert json.loads(tags["mlflow.linkedPrompts"]) == [{"name": "diagnosis", "version": "2"}]


def test_an_alias_moves_only_from_where_it_was_seen(tracker: Tracker) -> None:
    first, second = (load_prompt(name).version for name in ("v1", "v2"))
    for version in (first, second):
        tracker.mirror(version, texts(version.name))
    assert tracker.holder("production") is None
    tracker.move("production", first.sha256, expected=None)
    with pytest.raises(TrackingError, match="somebody else moved it"):
        tracker.move("production", second.sha256, expected=None)
    assert tracker.holder("production") == first.sha256
    tracker.move("production", second.sha256, expected=first.sha256)
    assert tracker.holder("production") == second.sha256
    assert tracker.holder("candidate") is None


def test_a_version_that_is_not_mirrored_can_t_be_pointed_at(tracker: Tracker) -> None:
    with pytest.raises(TrackingError, match="mirror it first"):
        tracker.move("candidate", "f" * 64, expected=None)


def test_a_store_that_can_t_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrackingError, match=r"file/mlflow\.db"):
        Tracker(f"sqlite:///{tmp_path}/file/mlflow.db").holder("production")


@pytest.mark.parametrize("scheme", ["postgresql+nosuch", "nosuch"])
@pytest.mark.parametrize("userinfo", ["user:pa55", "user:p@55/x", "user:p%4055", "user"])
def test_a_name_and_password_in_the_uri_are_never_told(userinfo: str, scheme: str) -> None:
    uri = f"{scheme}://{userinfo}@db.internal:5432/mlflow"
    with pytest.raises(TrackingError) as caught:
        Tracker(uri).holder("production")
    text = "".join(traceback.format_exception(caught.value, chain=not caught.value.__suppress_context__))
    assert f"{scheme}://db.internal:5432/mlflow" in str(caught.value)
    assert "@" not in str(caught.value)
    assert "p@55" not in text
    assert "pa55" not in text


def test_what_others_quote_of_a_uri_is_cleaned() -> None:
    userinfo, other = "user:word/x", "bob:word"
    uri = f"http://{userinfo}@host:5000/base"
    said = f"Failed to parse: {userinfo}; tried {uri} and https://{other}@elsewhere/a?b=c@d"
    assert hide_userinfo(said, uri) == (
        "Failed to parse: [hidden]; tried http://host:5000/base and https://elsewhere/a?b=c@d"
    )


def test_a_path_with_an_at_sign_is_told_in_full(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/a@b/mlflow.db"
    assert Tracker(uri).uri == uri


def test_files_and_tags_are_added_to_a_tracked_run(
    tracker: Tracker, uri: str, judged: Build, run_of: Build, tmp_path: Path
) -> None:
    made = tracker.track(assessed(run_of([judged()], run_id="gated"), Requirement))
    (tmp_path / "gate.json").write_text("{}")
    tracker.attach("gated", [tmp_path / "gate.json"], {"gate.verdict": "FAIL"})
    client = mlflow.MlflowClient(tracking_uri=uri)
    assert client.get_run(made).data.tags["gate.verdict"] == "FAIL"
    assert "gate.json" in {item.path for item in client.list_artifacts(made)}
    with pytest.raises(TrackingError, match="nobody is not there"):
        tracker.attach("nobody", [], {})
