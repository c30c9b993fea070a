"""The committed replies of a small real model, replayed: its mistakes go the whole way, and the gate refuses it."""

from pathlib import Path

import pytest

from evals.archive import load_run
from evals.cli import main

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "datasets" / "recordings"
MOST_STALE = 0.2
"""Of the questions, those that today's excerpts ask otherwise than when it was recorded; then record again."""


@pytest.fixture(scope="module", params=["v1", "v2"])
def replayed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    prompt = str(request.param)
    recording = FOLDER / f"smollm2-135m-structured-{prompt}.jsonl"
    folder = tmp_path_factory.mktemp("recorded") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setenv("MAX_LOG_SIZE_BYTES", "2048")
        patch.setenv("BEDROCK_MAX_TOKENS", "384")
        arguments = [
            "run",
            "datasets/lab",
            "datasets/synthetic",
            "--subset",
            str(FOLDER / "subset.txt"),
            "--prompt",
            prompt,
            "--jobs",
            "1",
        ]
        assert main([*arguments, "--analyst", f"recorded:{recording}", "--output", str(folder)]) == 1
    return folder


def test_a_real_model_s_mistakes_are_replayed_and_scored(replayed: Path) -> None:
    run = load_run(replayed)
    stale = [row for row in run.rows if "no reply to this question" in row.error]
    assert len(stale) <= MOST_STALE * len(run.rows), "record again: datasets/recordings/README.md"
    answered = [row for row in run.rows if row not in stale]
    assert not [row.error for row in answered if row.error]
    statuses = {row.diagnosis.status for row in answered}
    assert statuses >= {"PARSE_ERROR", "DIAGNOSED"}
    for row in answered:
        own = row.diagnosis.status == "DIAGNOSED"
        assert own or row.scores["unaided"].value == 0, "what the rules said instead is no merit of the model"
        assert row.diagnosis.tokens_used > 0
        assert row.scores["grounding"].value in (None, 1.0), "ungrounded lines of a model are dropped"


def test_the_gate_refuses_a_model_that_proves_nothing(
    replayed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", str(replayed)]) == 2
    assert capsys.readouterr().err.startswith("evals: ")
    assert not (replayed / "gate.json").exists()
