"""Recording through the whole path: case, pipeline, real botocore, HTTP, a scripted language model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diagnose.assembly import with_analyst
from diagnose.pipeline import default_kit, run_logs
from diagnose.recording import RecordedModel
from diagnose.settings import load_settings
from evals.dataset import digest, load
from evals.endpoint.cli import main
from evals.endpoint.model import ScriptedModel
from evals.endpoint.recorder import prune

Build = Callable[..., Any]
Captured = pytest.CaptureFixture[str]

CAUSE = "urllib.error.URLError: <urlopen error [Errno 111] Connection refused>"


def answer(*quotes: str, **changes: Any) -> str:
    fields = {
        "root_cause": "the service refused",
        "log_evidences": list(quotes),
        "recommendations": ["start it"],
        "category": "DEPENDENCY_FAILURE",
        "failure_type": "SERVICE_UNREACHABLE",
        "safe_to_retry": False,
        "confidence": 0.5,
    }
    return json.dumps({**fields, **changes})


@pytest.fixture
def folder(tmp_path: Path, logs: Build, row: Build, rows: Build) -> Path:
    """Two cases whose logs differ."""
    made = tmp_path / "set"
    found = {name: logs(made / name, (f"26/11/22 09:14:27 INFO Job: {name}", CAUSE)) for name in ("a", "b")}
    rows(made, [row(name, sha256=digest(log_root)) for name, log_root in found.items()])
    return made


@pytest.fixture
def record(folder: Path, tmp_path: Path) -> Callable[..., tuple[int, Path]]:

    def run(*texts: str, more: tuple[str, ...] = (), model: ScriptedModel | None = None) -> tuple[int, Path]:
        file = tmp_path / "out" / "r.jsonl"
        options = ["record", str(folder), "--prompt", "v1", "--output", str(file), *more]
        return main(options, model=model or ScriptedModel(texts=texts)), file

    return run


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_replies_are_recorded_and_replay_without_a_model(
    record: Build, folder: Path, capsys: Captured
) -> None:
    code, file = record(answer(CAUSE))
    out, err = capsys.readouterr()
    assert code == 0
    assert "v1, local.smollm2-135m-instruct-q4-1, 2 cases" in out
    assert "valid answer at once" in out and "2 of 2" in out
    assert "[1/2] a: 1 new replies" in err
    settings = load_settings({}, max_log_size_bytes=4096, bedrock_max_tokens=384)
    kit = with_analyst(default_kit(settings), f"recorded:{file}", clients=pytest.fail, prompt="v1")
    loaded = load(folder)
    result = run_logs(loaded.log_root(loaded.cases[0]), kit=kit)
    assert result.diagnosis.analyst == "recorded:r"
    assert result.diagnosis.root_cause == "the service refused"


def test_what_is_recorded_is_not_asked_again(record: Build, capsys: Captured) -> None:
    record(answer(), more=("--limit", "1"))
    model = ScriptedModel(texts=[answer()])
    code, file = record(model=model)
    assert (code, model.written, len(lines(file))) == (0, 1, 2)
    assert "[1/2] a: 0 new replies" in capsys.readouterr().err
    code, file = record(model=model)
    assert (code, model.written, len(lines(file))) == (0, 1, 2)


def test_an_invalid_answer_is_asked_for_again_and_both_replies_are_kept(
    record: Build, capsys: Captured
) -> None:
    code, file = record("no JSON", answer(CAUSE, "made up"), more=("--limit", "1"))
    out = capsys.readouterr().out
    first, second = lines(file)
    assert code == 0
    assert (first["repair_sha256"] == "", second["repair_sha256"] == "") == (True, False)
    shares = dict(line.rsplit("  ", 1) for line in out.splitlines()[1:])
    assert {name.strip(): share.strip() for name, share in shares.items()} == {
        "valid answer at once": "0 of 1",
        "valid answer after the second question": "1 of 1",
        "no valid answer": "0 of 1",
        "no reply at all to a question": "0 of 1",
        "category right, of valid answers": "1 of 1",
        "quoted lines that stand in the excerpt": "1 of 2",
        "reply: the answer is not one JSON object and nothing else": "1 of 2",
    }


def test_a_wrong_category_is_counted(record: Build, capsys: Captured) -> None:
    wrong = answer(category="DATA_QUALITY", failure_type="CORRUPT_FILE")
    assert record(wrong)[0] == 0
    assert "category right, of valid answers        0 of 2" in capsys.readouterr().out


def test_a_cut_answer_is_recorded_and_named(record: Build, capsys: Captured) -> None:
    code, file = record("word " * 600)
    assert code == 0
    assert [row["stop"] for row in lines(file)] == ["truncated", "truncated"]
    assert "reply: cut at the token limit" in capsys.readouterr().out


def test_a_question_without_a_reply_makes_the_recording_incomplete(record: Build, capsys: Captured) -> None:
    code, file = record(model=ScriptedModel(texts=["x"], context_tokens=50))
    out, err = capsys.readouterr()
    assert (code, lines(file)) == (1, [])
    assert "no reply at all to a question           2 of 2" in out
    assert "MAX_LOG_SIZE_BYTES" in err


def test_other_settings_need_a_new_file(record: Build, capsys: Captured) -> None:
    record(answer())
    assert record(answer(), more=("--max-tokens", "300"))[0] == 2
    assert "record into a new file" in capsys.readouterr().err


def test_replies_that_follow_a_schema_need_a_new_file(record: Build, capsys: Captured) -> None:
    record(answer())
    assert record(answer(), more=("--structured",))[0] == 2
    assert "record into a new file" in capsys.readouterr().err


def test_pruning_keeps_what_this_run_asked(record: Build) -> None:
    record(answer())
    before = lines(record(answer())[1])
    code, file = record(answer(), more=("--limit", "1", "--prune"))
    assert code == 0
    assert lines(file) == before[:1]
    assert RecordedModel.load(file).sampling.max_tokens == 384


def test_of_several_replies_to_one_question_pruning_keeps_the_last(record: Build) -> None:
    _, file = record(answer())
    first, second = lines(file)
    again = {**first, "text": "later"}
    file.write_text("".join(json.dumps(row) + "\n" for row in (second, first, again)), encoding="ascii")
    assert prune(file, [first["prompt_key"], second["prompt_key"]]) == 1
    assert lines(file) == [again, second]
    assert list(file.parent.iterdir()) == [file]


def test_what_a_model_says_is_redacted_before_it_is_written(record: Build) -> None:
    secret = "".join(("AK", "IA", "QX7ZT3VN5RK2WJ4M"))
    _, file = record(answer(root_cause=f"the key {secret} is wrong"), more=("--limit", "1"))
    assert secret not in file.read_text(encoding="utf-8")
    assert "REDACTED" in lines(file)[0]["text"]


def test_a_question_that_comes_twice_in_a_run_has_one_reply(
    dataset: Build, tmp_path: Path, capsys: Captured
) -> None:
    model, file = ScriptedModel(texts=[answer(), "another"]), tmp_path / "r.jsonl"
    options = ["record", str(dataset("same", "again")), "--prompt", "v1", "--output", str(file)]
    assert main(options, model=model) == 0
    assert (model.written, len(lines(file))) == (1, 1)
    assert "valid answer at once                    2 of 2" in capsys.readouterr().out
