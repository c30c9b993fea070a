from pathlib import Path

import pytest
from bedrockserver import BedrockServer, ok

from diagnose.errors import RecordingError
from evals.analyst import Analyst, fingerprint
from evals.errors import AnalystError
from evals.run import DatasetId

ROOT = Path(__file__).parents[2]
CASE = ROOT / "datasets" / "lab" / "currency-sync" / "logs"
IDS = [DatasetId(name="lab", cases=1, sha256="0" * 64)]


def test_the_rules_answer_and_say_what_decides_their_answers() -> None:
    opened = Analyst().open()
    answer = opened(CASE)
    assert answer.diagnosis is not None
    assert answer.diagnosis.failure_type == "SERVICE_UNREACHABLE"
    assert answer.excerpt.startswith("== ")
    assert (answer.prompt, answer.reply) == ("", "")
    identity = opened.identity(IDS)
    assert (identity.analyst, identity.model_id, identity.prompt_version) == ("rules", None, None)
    assert identity.settings["max_log_size_bytes"] == 32768


def test_the_excerpt_budget_is_part_of_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Analyst().open().identity(IDS)
    monkeypatch.setenv("MAX_LOG_SIZE_BYTES", "4096")
    after = Analyst().open().identity(IDS)
    assert after != before
    assert after.settings["max_log_size_bytes"] == 4096


@pytest.mark.parametrize(
    ("analyst", "message"),
    [
        (Analyst(name="oracle"), "oracle"),
        (Analyst(name="recorded:/nowhere.jsonl"), "nowhere"),
        (Analyst(prompt="v1"), "--analyst"),
    ],
)
def test_an_analyst_that_can_t_be_opened_says_why(analyst: Analyst, message: str) -> None:
    with pytest.raises(AnalystError, match=message):
        analyst.open()


def test_a_bad_setting_is_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_LOG_SIZE_BYTES", "many")
    with pytest.raises(AnalystError, match="MAX_LOG_SIZE_BYTES"):
        Analyst().open()


def test_a_fingerprint_follows_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "b.txt").write_text("2")
    first = fingerprint(tmp_path, "*.py")
    assert fingerprint(tmp_path, "*.py", "a.*") == first
    (tmp_path / "b.txt").write_text("3")
    assert fingerprint(tmp_path, "*.py") == first
    (tmp_path / "a.py").write_text("2")
    second = fingerprint(tmp_path, "*.py")
    (tmp_path / "a.py").rename(tmp_path / "c.py")
    assert len({first, second, fingerprint(tmp_path, "*.py")}) == 3


def test_there_is_nothing_of_the_rules_to_record(tmp_path: Path) -> None:
    with pytest.raises(AnalystError, match="--record"):
        Analyst(record=tmp_path / "x.jsonl").open()


def test_each_repeat_is_recorded_and_given_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    file = tmp_path / "replies.jsonl"
    with BedrockServer([ok(f"no answer, number {number}") for number in range(4)]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.endpoint)
        live = Analyst(name="bedrock", prompt="v1", record=file).open()
        before = [live(CASE, repeat) for repeat in range(2)]
    said = [f"no answer, number {number}" for number in range(4)]
    assert [item.reply.splitlines() for item in before] == [said[:2], said[2:]], "an answer and a repair each"
    assert said[0] in before[0].prompt, "what a repair sends is heard too"
    again = Analyst(name=f"recorded:{file}", prompt="v1").open()
    after = [again(CASE, repeat) for repeat in range(2)]
    assert [item.reply for item in after] == [item.reply for item in before]
    assert all(item.diagnosis and item.diagnosis.status == "PARSE_ERROR" for item in after)
    assert "Connection" in after[0].prompt or "connection" in after[0].prompt
    with pytest.raises(RecordingError):
        again(CASE, 2)
    assert again.identity(IDS).model_id == live.identity(IDS).model_id
