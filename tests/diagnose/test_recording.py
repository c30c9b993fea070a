"""Replies recorded once and given again."""

import dataclasses
import json
import threading
from datetime import UTC, datetime

import pytest

from diagnose.deadline import NO_DEADLINE
from diagnose.errors import ModelError, RecordingError
from diagnose.model import ModelReply, Question, Sampling, Stop
from diagnose.prompt import Block, RenderedPrompt
from diagnose.recording import RecordedModel, Recorder, recording_key
from diagnose.usage import Usage

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
REPLY = ModelReply(
    text='{"root_cause": "key topsecret"}\u2028\n',
    stop=Stop.COMPLETE,
    usage=Usage(input_tokens=70, output_tokens=209, cache_read_tokens=5, cache_write_tokens=6),
    cost_usd=0.0123,
    policies=("wordPolicy",),
)


class Real:
    """A model in memory."""

    name = "bedrock:m"
    model_id = "m"

    def __init__(self, reply=REPLY, **sampling) -> None:
        self.sampling = Sampling(
            **{"model_id": "m", "max_tokens": 1024, "temperature": 0.0, "schema_sha256": "", **sampling}
        )
        self.reply, self.asked = reply, 0

    def ask(self, question, *, deadline, sink):
        self.asked += 1
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


def question(text="ERROR Disk full", *, marker="a" * 16, repair=None) -> Question:
    prompt = RenderedPrompt(
        version="v1",
        sha256="0" * 64,
        system="You explain failed jobs.",
        user=(Block(f"[begin data {marker}]"), Block(text, guarded=True)),
        marker=marker,
        repair="Again: {{ problem }}",
    )
    return Question(prompt=prompt, repair=repair, tags={})


def redact(text: str) -> str:
    return text.replace("topsecret", "[REDACTED-SECRET]")


def recorder(path, model=None) -> Recorder:
    return Recorder(model or Real(), path, redact, now=lambda: NOW)


def ask(model, asked, sink=None) -> ModelReply:
    return model.ask(asked, deadline=NO_DEADLINE, sink=(sink or []).append if sink is None else sink)


def test_a_recorded_reply_is_given_again_as_the_recorder_gave_it(tmp_path):
    path = tmp_path / "sonnet.jsonl"
    first = ask(recorder(path), question())
    replay = RecordedModel.load(path)
    calls = []
    second = ask(replay, question(marker="b" * 16), calls.append)
    assert second == first
    assert first.text == '{"root_cause": "key [REDACTED-SECRET]"}\u2028\n'
    assert (first.usage, first.cost_usd, first.policies) == (REPLY.usage, REPLY.cost_usd, REPLY.policies)
    assert (replay.name, replay.model_id) == ("recorded:sonnet", "m")
    (call,) = calls
    assert (call.usage, call.cost_usd, call.stop, call.attempt) == (REPLY.usage, 0.0123, Stop.COMPLETE, 1)


def test_nothing_unredacted_is_written(tmp_path):
    path = tmp_path / "r.jsonl"
    ask(
        recorder(
            path,
            Real(
                ModelReply(
                    text="topsecret",
                    stop=Stop.TRUNCATED,
                    usage=Usage(),
                    cost_usd=None,
                    policies=("topsecret",),
                )
            ),
        ),
        question("topsecret"),
    )
    assert "topsecret" not in path.read_text()
    line = json.loads(path.read_text())
    assert (line["stop"], line["cost_usd"], line["recorded_at"]) == (
        "truncated",
        None,
        "2026-11-22T09:30:00+00:00",
    )


def test_a_repair_has_a_reply_of_its_own(tmp_path):
    path = tmp_path / "r.jsonl"
    ask(recorder(path), question())
    repair = question(repair=("{", "no JSON"))
    with pytest.raises(RecordingError):
        ask(RecordedModel.load(path), repair)
    ask(recorder(path), repair)
    replay = RecordedModel.load(path)
    assert ask(replay, repair) == ask(replay, question())
    with pytest.raises(RecordingError):
        ask(replay, question(repair=("{", "another problem")))


def test_a_miss_names_recording_and_key_and_asks_nobody(tmp_path):
    path = tmp_path / "r.jsonl"
    ask(recorder(path), question())
    other = question("ERROR another")
    replay = RecordedModel.load(path, name="lab")
    key = recording_key(other.prompt.key(), "", replay.sampling)
    calls = []
    with pytest.raises(RecordingError, match=f"recorded:lab: no reply to this question.*{key}") as raised:
        ask(replay, other, calls.append)
    assert "another" not in str(raised.value)
    assert calls == []


def test_another_limit_or_schema_is_another_question(tmp_path):
    path = tmp_path / "r.jsonl"
    ask(recorder(path), question())
    assert ask(RecordedModel.load(path, max_tokens=1024, schema_sha256=""), question()).stop is Stop.COMPLETE
    for changed in ({"max_tokens": 2048}, {"schema_sha256": "ab"}):
        with pytest.raises(RecordingError, match="no reply"):
            ask(RecordedModel.load(path, **changed), question())


def test_an_error_of_the_real_model_is_not_recorded(tmp_path):
    path = tmp_path / "r.jsonl"
    with pytest.raises(ModelError):
        ask(recorder(path, Real(ModelError("gone"))), question())
    assert path.read_bytes() == b""
    with pytest.raises(RecordingError, match="models: none"):
        RecordedModel.load(path)


def test_the_last_reply_to_a_question_counts(tmp_path):
    path = tmp_path / "r.jsonl"
    ask(recorder(path), question())
    later = ModelReply(text="later", stop=Stop.COMPLETE, usage=Usage(), cost_usd=0.0)
    ask(recorder(path, Real(later)), question())
    assert ask(RecordedModel.load(path), question()).text == "later"
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_half_a_line_at_the_end_is_ignored_and_then_removed(tmp_path, caplog, share):
    path = tmp_path / "r.jsonl"
    ask(recorder(path), question())
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: int(len(whole) * share)])
    assert ask(RecordedModel.load(path), question()).stop is Stop.COMPLETE
    assert "half a line at its end is ignored" in caplog.text
    ask(recorder(path), question("ERROR two"))
    assert "half a line at its end is removed" in caplog.text
    assert path.read_bytes().startswith(whole)
    assert len(RecordedModel.load(path).replies) == 2


def test_a_whole_last_line_without_its_end_counts(tmp_path, caplog):
    path = tmp_path / "r.jsonl"
    ask(recorder(path), question())
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert len(RecordedModel.load(path).replies) == 1
    ask(recorder(path), question("ERROR two"))
    assert len(RecordedModel.load(path).replies) == 2
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda line: "{not json", "no JSON"),
        (lambda line: "[1]", "no JSON"),
        (lambda line: json.dumps({**line, "stop": "maybe"}), "field stop"),
        (lambda line: json.dumps({**line, "more": 1}), "field more"),
        (lambda line: json.dumps({k: v for k, v in line.items() if k != "usage"}), "field usage"),
        (lambda line: json.dumps({**line, "usage": {**line["usage"], "input_tokens": -1}}), "field usage"),
        (lambda line: json.dumps({**line, "version": 2}), "field version"),
        (lambda line: json.dumps({**line, "key": "0" * 64}), "key does not fit"),
        (lambda line: json.dumps({**line, "prompt_key": "changed"}), "key does not fit"),
        (lambda line: "\udcff", "no JSON"),
    ],
)
def test_a_damaged_line_is_named(tmp_path, damage, what):
    path = tmp_path / "r.jsonl"
    ask(recorder(path), question())
    good = path.read_text()
    path.write_bytes((good + damage(json.loads(good)) + "\n" + good).encode(errors="surrogateescape"))
    with pytest.raises(RecordingError, match=rf"r\.jsonl, line 2: damaged \((?:its )?{what}\)"):
        RecordedModel.load(path)


def test_replies_of_several_models_are_refused(tmp_path):
    path = tmp_path / "r.jsonl"
    ask(recorder(path), question())
    ask(recorder(path, Real(model_id="n")), question())
    with pytest.raises(RecordingError, match="models: m, n"):
        RecordedModel.load(path)


def test_a_missing_or_unwritable_file_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r"none\.jsonl: can't be read \(No such file"):
        RecordedModel.load(tmp_path / "none.jsonl")
    with pytest.raises(RecordingError, match="can't be read"):
        RecordedModel.load(tmp_path)
    with pytest.raises(RecordingError, match="can't be written"):
        recorder(tmp_path / "no" / "folder.jsonl")


def test_a_file_that_vanishes_is_an_error_after_the_answer(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    made = recorder(folder / "r.jsonl")
    (folder / "r.jsonl").unlink()
    folder.rmdir()
    with pytest.raises(RecordingError, match="can't be written"):
        ask(made, question())


def test_threads_write_whole_lines(tmp_path):
    path = tmp_path / "r.jsonl"
    made = recorder(
        path, Real(ModelReply(text="x" * 100_000, stop=Stop.COMPLETE, usage=Usage(), cost_usd=None))
    )
    threads = [threading.Thread(target=ask, args=(made, question(f"ERROR {i}"))) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(RecordedModel.load(path).replies) == 8


def test_a_reply_with_lone_surrogates_is_kept_readable(tmp_path):
    path = tmp_path / "r.jsonl"
    first = ask(
        recorder(path, Real(ModelReply(text="a\ud800b", stop=Stop.MALFORMED, usage=Usage(), cost_usd=None))),
        question(),
    )
    assert first.text == "a?b"
    assert ask(RecordedModel.load(path), question()) == first


def test_each_repeat_has_a_reply_of_its_own(tmp_path):
    path = tmp_path / "r.jsonl"
    for number in range(3):
        reply = dataclasses.replace(REPLY, text=f"answer {number}")
        ask(recorder(path, Real(reply)), dataclasses.replace(question(), repeat=number))
    replay = RecordedModel.load(path)
    texts = [ask(replay, dataclasses.replace(question(), repeat=number)).text for number in range(3)]
    assert texts == ["answer 0", "answer 1", "answer 2"]
    with pytest.raises(RecordingError):
        ask(replay, dataclasses.replace(question(), repeat=3))
