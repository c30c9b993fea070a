"""Runs that succeeded: whoever asks about one gets no false alarm, and no leave to run it again."""

import json
from pathlib import Path

import pytest

from diagnose import diagnose_logs
from evals.dataset import digest
from evals.lab.scenario import read_all

FOLDER = Path(__file__).parents[2] / "datasets" / "healthy"
RUNS = [json.loads(line) for line in (FOLDER / "runs.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_list_is_whole():
    listed = [run["id"] for run in RUNS]
    assert listed == sorted({path.parent.name for path in FOLDER.glob("*/meta.json")})
    assert len(listed) >= 20
    assert set(listed) <= {scenario.id for scenario in read_all() if scenario.healthy}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["id"])
def test_a_run_that_succeeded_raises_no_alarm(run):
    assert digest(FOLDER / run["log_root"]) == run["sha256"]
    diagnosis = diagnose_logs(FOLDER / run["id"])
    assert (diagnosis.category, diagnosis.failure_type) == ("UNKNOWN", "UNCLASSIFIED"), diagnosis.root_cause
    assert not diagnosis.safe_to_retry
