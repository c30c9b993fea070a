"""Replies of a real model, kept in a JSON Lines file and given again: an evaluation without network and cost.

A reply is found by a hash of everything that decided it: the prompt (whatever its random marker), the repair
part, model, token limit, temperature and output schema. A question that was never asked is an error.
What is recorded is redacted first, and `Recorder` hands on the redacted reply, so that a run that records and
a run that replays see the same texts. Tokens and cost on replay are those of the recorded reply, as it was
billed then: an evaluation reports what its answers cost, not what replaying them does.
The same question asked several times (`Question.repeat`) has a reply each time. Limits: errors are not
recorded; of several replies to one question of the same repeat the last counts.
"""

import errno
import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from diagnose.deadline import Deadline
from diagnose.errors import RecordingError
from diagnose.model import CallSink, ModelCall, ModelReply, Question, SampledModel, Sampling, Stop
from diagnose.usage import Usage

VERSION: Final = 1
_log: Final = logging.getLogger(__name__)
_Tokens = Annotated[int, Field(ge=0)]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Sampling(_Strict):
    model_id: Annotated[str, Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=1)]
    temperature: float
    schema_sha256: str


class _Usage(_Strict):
    input_tokens: _Tokens
    cache_read_tokens: _Tokens
    cache_write_tokens: _Tokens
    output_tokens: _Tokens


class _Line(_Strict):
    """One line of the file."""

    version: Literal[1]
    key: _Sha256
    prompt_key: str
    repair_sha256: str
    """Empty for a first question."""
    repeat: Annotated[int, Field(ge=0)] = 0
    sampling: _Sampling
    text: str
    stop: Stop
    policies: tuple[str, ...]
    usage: _Usage
    cost_usd: float | None
    recorded_at: str
    """ISO 8601, UTC."""


def recording_key(prompt_key: str, repair_sha256: str, sampling: Sampling, repeat: int = 0) -> str:
    """Hash all that decides a reply, and which of several to the same question it is."""
    parts = {"prompt": prompt_key, "repair": repair_sha256, **asdict(sampling)}
    if repeat:
        parts["repeat"] = repeat
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _repair_sha256(question: Question) -> str:
    return sha256(json.dumps(question.repair).encode()).hexdigest() if question.repair else ""


@dataclass(frozen=True, kw_only=True)
class RecordedModel:
    """Gives recorded replies; a `Model`. Made by `load`."""

    name: str
    """`recorded:<file or name>`."""
    sampling: Sampling
    replies: Mapping[str, ModelReply]
    """By `recording_key`."""

    @property
    def model_id(self) -> str:
        """The model whose replies these are."""
        return self.sampling.model_id

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        name: str = "",
        max_tokens: int | None = None,
        schema_sha256: str | None = None,
    ) -> "RecordedModel":
        """Read a recording.

        Args:
            path: the file.
            name: what to call it; the file's name without its ending by default.
            max_tokens: the limit of today; as recorded by default.
            schema_sha256: of today's output schema (`Sampling.schema_sha256`); as recorded by default.

        Raises:
            RecordingError: the file is missing, damaged (the line is named), empty, or holds replies of
                several models or settings.
        """
        lines = _read(path)
        samplings = {Sampling(**line.sampling.model_dump()) for line in lines}
        if len(samplings) != 1:
            found = ", ".join(sorted({sampling.model_id for sampling in samplings})) or "none"
            raise RecordingError(
                f"recording {path}: must hold replies of one model with one setting, not of"
                f" {len(samplings)} (models: {found}); record again into a new file"
            )
        recorded = samplings.pop()
        sampling = Sampling(
            model_id=recorded.model_id,
            max_tokens=recorded.max_tokens if max_tokens is None else max_tokens,
            temperature=recorded.temperature,
            schema_sha256=recorded.schema_sha256 if schema_sha256 is None else schema_sha256,
        )
        replies = {line.key: _reply(line) for line in lines}
        return cls(name=f"recorded:{name or path.stem}", sampling=sampling, replies=replies)

    def ask(self, question: Question, *, deadline: Deadline, sink: CallSink) -> ModelReply:
        """Give the recorded reply; takes no time, so no deadline counts.

        Raises:
            RecordingError: there is none to this question; the message names the recording and the key.
        """
        repair = _repair_sha256(question)
        key = recording_key(question.prompt.key(), repair, self.sampling, question.repeat)
        reply = self.replies.get(key)
        if reply is None:
            raise RecordingError(
                f"{self.name}: no reply to this question (key {key}, prompt {question.prompt.version}, model"
                f" {self.model_id}); record it with the model itself, or replay the prompt and the settings"
                " that were recorded"
            )
        sink(
            ModelCall(
                model_id=self.model_id,
                attempt=1,
                request_id=None,
                error=None,
                http_status=None,
                wait_seconds=0.0,
                stop=reply.stop,
                usage=reply.usage,
                cost_usd=reply.cost_usd,
                duration_ms=0,
            )
        )
        return reply


class Recorder:
    """Asks a real model and appends each reply to a file; a `Model`. Safe for threads.

    Args:
        model: the real one.
        file: JSON Lines, made if missing; half a line at its end, left by a killed process, is removed.
        redact: applied to every text before it is written or handed on.
        now: the time, UTC.

    Raises:
        RecordingError: the file can't be written.
    """

    def __init__(
        self,
        model: SampledModel,
        file: Path,
        redact: Callable[[str], str],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = model.name
        self.model_id = model.model_id
        self.sampling = model.sampling
        self._model, self._file, self._redact, self._now = model, file, redact, now
        self._lock = threading.Lock()
        try:
            _mend(file)
        except OSError as error:
            raise RecordingError(f"recording {file}: can't be written ({error.strerror})") from None

    def ask(self, question: Question, *, deadline: Deadline, sink: CallSink) -> ModelReply:
        """Ask the real model; see `Model.ask`. The reply is redacted.

        Raises:
            RecordingError: the reply can't be written.
        """
        reply = self._model.ask(question, deadline=deadline, sink=sink)
        kept = ModelReply(
            text=self._redact(reply.text.encode("utf-8", errors="replace").decode()),
            stop=reply.stop,
            usage=reply.usage,
            cost_usd=reply.cost_usd,
            policies=tuple(self._redact(policy) for policy in reply.policies),
        )
        self._append(question, kept)
        return kept

    def _append(self, question: Question, reply: ModelReply) -> None:
        prompt_key, repair = question.prompt.key(), _repair_sha256(question)
        line = _Line(
            version=VERSION,
            key=recording_key(prompt_key, repair, self.sampling, question.repeat),
            prompt_key=prompt_key,
            repair_sha256=repair,
            repeat=question.repeat,
            sampling=_Sampling(**asdict(self.sampling)),
            text=reply.text,
            stop=reply.stop,
            policies=reply.policies,
            usage=_Usage(**asdict(reply.usage)),
            cost_usd=reply.cost_usd,
            recorded_at=self._now().isoformat(timespec="seconds"),
        )
        # ASCII: whatever counts as a line separator somewhere stays an escape, and a line stays a line.
        data = (json.dumps(line.model_dump(mode="json")) + "\n").encode("ascii")
        try:
            with self._lock, self._file.open("ab", buffering=0) as stream:
                _write_whole(stream.fileno(), data)
        except OSError as error:
            raise RecordingError(f"recording {self._file}: can't be written ({error.strerror})") from None


def _write_whole(descriptor: int, data: bytes) -> None:
    """Write and sync one line; of a line cut by a full disk nothing stays."""
    start = os.fstat(descriptor).st_size
    if os.write(descriptor, data) != len(data):
        os.ftruncate(descriptor, start)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(descriptor)


def _mend(file: Path) -> None:
    """Make the file if missing, and end it with a whole line."""
    with file.open("a+b") as stream:
        stream.seek(0)
        data = stream.read()
        whole, end, rest = data.rpartition(b"\n")
        if not rest:
            return
        if _is_json(rest):
            stream.write(b"\n")
        else:
            _log.warning("recording %s: half a line at its end is removed", file)
            stream.truncate(len(whole) + len(end))


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


def _read(path: Path) -> list[_Line]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RecordingError(f"recording {path}: can't be read ({error.strerror}); check the path") from None
    *complete, rest = data.split(b"\n")
    if rest and _is_json(rest):
        complete.append(rest)
    elif rest:
        _log.warning("recording %s: half a line at its end is ignored", path)
    return [_parse(raw, path, i) for i, raw in enumerate(complete, start=1) if raw.strip()]


def _parse(raw: bytes, path: Path, number: int) -> _Line:
    place = f"recording {path}, line {number}"
    try:
        line = _Line.model_validate_json(raw)
    except ValidationError as error:
        places = (problem["loc"] for problem in error.errors(include_input=False))
        fields = ", ".join(dict.fromkeys(str(loc[0]) for loc in places if loc))
        what = f"field {fields}" if fields else "no JSON"
        raise RecordingError(f"{place}: damaged ({what}); record it again") from None
    sampling = Sampling(**line.sampling.model_dump())
    if recording_key(line.prompt_key, line.repair_sha256, sampling, line.repeat) != line.key:
        raise RecordingError(f"{place}: damaged (its key does not fit); record it again")
    return line


def _reply(line: _Line) -> ModelReply:
    return ModelReply(
        text=line.text,
        stop=line.stop,
        usage=Usage(**line.usage.model_dump()),
        cost_usd=line.cost_usd,
        policies=line.policies,
    )
