"""The commands that tell MLflow, against a real one on SQLite."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest

from diagnose.shelf import load_prompt
from evals.cli import main
from evals.command.track import move_alias, open_tracker
from evals.errors import TrackingError

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, of its dependencies
Build = Callable[..., Any]
PROMPTS = Path(__file__).parents[3] / "prompts"


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


def test_a_run_is_kept_in_mlflow_too(
    dataset: Build, product: Build, uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", str(dataset("one")), "--output", str(tmp_path / "run"), "--track", uri]
    assert main(arguments, diagnose=product()) == 0
    told = next(line for line in capsys.readouterr().err.splitlines() if "MLflow run" in line)
    client = mlflow.MlflowClient(tracking_uri=uri)
    made = client.get_run(told.split()[3])
    assert made.data.metrics["category"] == 1
    assert "result.json" in {item.path for item in client.list_artifacts(made.info.run_id)}


def test_a_store_that_can_t_be_used_exits_2_after_the_run_is_kept(
    dataset: Build, product: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    where = f"sqlite:///{tmp_path}/file/mlflow.db"
    arguments = ["run", str(dataset("one")), "--output", str(tmp_path / "run"), "--track", where]
    assert main(arguments, diagnose=product()) == 2
    assert "the run itself is kept" in capsys.readouterr().err
    assert json.loads((tmp_path / "run" / "result.json").read_text())["rows"]


def test_an_alias_follows_a_promotion_and_nobody_else(uri: str) -> None:
    first = load_prompt("v1").version.sha256
    move_alias(uri, "production", "v1", None, prompts=PROMPTS)
    assert open_tracker(uri).holder("production") == first
    with pytest.raises(TrackingError, match="somebody else moved it"):
        move_alias(uri, "production", "v2", "0" * 64, prompts=PROMPTS)
    move_alias(uri, "production", "v2", first, prompts=PROMPTS)
    assert open_tracker(uri).holder("production") == load_prompt("v2").version.sha256
