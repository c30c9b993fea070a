"""Three fast scenarios for real, where Java and the engines are there (`python -m evals.lab setup`)."""

import os
from pathlib import Path

import pytest

from evals.errors import PrerequisiteError
from evals.lab.cluster.engine import find_engine
from evals.lab.difference import compare
from evals.lab.laboratory import Laboratory, run_all
from evals.lab.scenario import SCENARIOS, read

ROOT = Path(__file__).parents[3]
ENGINES = Path(os.environ.get("LAB_ENGINES", ROOT / "build" / "lab"))
FAST = ("wide-join", "day-close", "full-rescan")


def missing() -> str:
    try:
        find_engine("spark-3.5", ENGINES, cluster=True)
    except PrerequisiteError as error:
        return str(error)
    return ""


REASON = missing()


@pytest.mark.skipif(bool(REASON), reason=REASON)
def test_fast_scenarios_fail_as_designed_and_as_committed(tmp_path: Path) -> None:
    scenarios = [read(SCENARIOS / f"{name}.toml") for name in FAST]
    committed = ROOT / "datasets" / "lab"
    with Laboratory(ENGINES) as laboratory:
        differences = {
            scenario.id: compare(committed / scenario.id, folder, chance=scenario.chance)
            for scenario, folder in run_all(laboratory, scenarios, tmp_path, strict=True)
        }
    assert differences == {name: [] for name in FAST}
