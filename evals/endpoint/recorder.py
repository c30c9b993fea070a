"""Cases and a model → a recording: asks what is not recorded yet, and says how every answer was.

A run that is stopped goes on where it was: each reply is on the disk before the next question is asked.
Replies are redacted before they are written (`diagnose.recording`). What ends in an error is not recorded:
a replay has no reply to that question.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from diagnose.deadline import Deadline
from diagnose.errors import RecordingError
from diagnose.model import CallSink, ModelReply, Question, SampledModel, Stop
from diagnose.pipeline import Result, run_place
from diagnose.place import find_place
from diagnose.prompt import PromptVersion
from diagnose.recording import RecordedModel, Recorder
from diagnose.reply import InvalidAnswerError, parse_answer
from diagnose.state import Desk, Kit
from diagnose.taxonomy import FACTS
from evals.case import Case
from evals.dataset import Dataset
from evals.errors import PrerequisiteError

MALFORMED: Final = "malformed, says the service"
CUT: Final = "cut at the token limit"
BLOCKED: Final = "blocked by the guardrail"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """How a case was answered."""

    case_id: str
    problems: tuple[str, ...]
    """Of each reply, first and second: "" for a valid answer, else what was wrong with it."""
    error: str
    """Why a question had no reply; "" without one."""
    right: bool | None
    """Whether the model's category is the label's; None without a valid answer."""
    grounded: int
    """Lines that the model quoted and that stand in the excerpt."""
    unfounded: int
    """Lines that it quoted and that don't."""

    @property
    def valid(self) -> bool:
        """Tell whether a valid answer came, at once or after the second question."""
        return "" in self.problems


class Listener:
    """Gives what is recorded and asks the recorder for the rest; a `Model` that remembers what was asked.

    Args:
        recorder: asks and writes.
        known: replies of before; None where there are none.
    """

    def __init__(self, recorder: Recorder, known: RecordedModel | None) -> None:
        self.name, self.model_id = recorder.name, recorder.model_id
        self._recorder, self._known = recorder, known
        self._given: dict[tuple[str, tuple[str, str] | None, int], ModelReply] = {}
        self.replies: list[ModelReply] = []
        """Since they were last taken away."""
        self.prompt_keys: dict[str, None] = {}
        """Of every question, in order."""
        self.new = 0
        """How many were not recorded before."""

    def ask(self, question: Question, *, deadline: Deadline, sink: CallSink) -> ModelReply:
        """Give the recorded reply, or ask for one; see `Model.ask`."""
        key = question.prompt.key(), question.repair, question.repeat
        self.prompt_keys[key[0]] = None
        reply = self._given.get(key) or self._recorded(question, deadline, sink)
        if reply is None:
            reply = self._recorder.ask(question, deadline=deadline, sink=sink)
            self.new += 1
        self._given[key] = reply  # as in a replay, one question has one reply
        self.replies.append(reply)
        return reply

    def _recorded(self, question: Question, deadline: Deadline, sink: CallSink) -> ModelReply | None:
        try:
            return self._known.ask(question, deadline=deadline, sink=sink) if self._known else None
        except RecordingError:
            return None


def listen(model: SampledModel, file: Path, kit: Kit) -> Listener:
    """Open a recording to go on with.

    Args:
        model: the real one.
        file: made if missing.
        kit: its redactor cleans what is written.

    Raises:
        RecordingError: the file is damaged, can't be written, or holds another model's replies.
        PrerequisiteError: its replies were given under other settings.
    """
    known = RecordedModel.load(file) if file.is_file() and file.stat().st_size else None
    if known is not None and known.sampling != model.sampling:
        raise PrerequisiteError(
            f"{file}: was recorded with {known.sampling}, not with {model.sampling}; give the same settings,"
            " or record into a new file"
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    return Listener(Recorder(model, file, redact=lambda text: kit.redactor.session().text(text)), known)


def record(
    cases: Sequence[tuple[Dataset, Case]],
    *,
    listener: Listener,
    prompt: PromptVersion,
    kit: Kit,
    progress: Callable[[int, int, Answered, int], None],
) -> tuple[Answered, ...]:
    """Ask about every case.

    Args:
        cases: each with its dataset.
        listener: see `listen`.
        prompt: the version.
        kit: of the rules, with the settings of the recording.
        progress: told the number of the case, how many there are, how it was answered, and how many replies
            were new.

    Raises:
        RecordingError: a reply can't be written.
    """
    seated = replace(kit, desk=Desk(model=listener, prompt=prompt))
    answered = []
    for number, (dataset, case) in enumerate(cases, start=1):
        before = listener.new
        result = run_place(find_place(dataset.log_root(case)), kit=seated)
        answered.append(judge(case, result, listener.replies))
        listener.replies.clear()
        progress(number, len(cases), answered[-1], listener.new - before)
    return tuple(answered)


def judge(case: Case, result: Result, replies: Iterable[ModelReply]) -> Answered:
    """Say how a case was answered."""
    draft, ending = result.state.draft, result.state.ending
    problems = tuple(_problem(reply) for reply in replies)
    silent = len(problems) < 2 and not (problems and _ends(problems[-1]))
    return Answered(
        case_id=case.id,
        problems=problems,
        error=ending.reason if ending is not None and silent else "",
        right=FACTS[draft.failure_type].category is case.metadata.category if draft else None,
        grounded=len(draft.evidence) if draft else 0,
        unfounded=draft.unfounded if draft else 0,
    )


def _ends(problem: str) -> bool:
    """Tell whether no second question follows."""
    return problem in {"", CUT, BLOCKED}


def _problem(reply: ModelReply) -> str:
    if reply.stop is Stop.TRUNCATED:
        return CUT
    if reply.stop in {Stop.INPUT_BLOCKED, Stop.OUTPUT_BLOCKED}:
        return BLOCKED
    if reply.stop is not Stop.COMPLETE:
        return MALFORMED
    try:
        parse_answer(reply.text)
    except InvalidAnswerError as error:
        return str(error)
    return ""


def prune(file: Path, prompt_keys: Iterable[str]) -> int:
    """Keep the replies to the given prompts only, in their order, of several to one question the last.

    Args:
        file: a recording.
        prompt_keys: `RenderedPrompt.key()` of each question.

    Returns:
        How many lines were removed.
    """
    order = {key: number for number, key in enumerate(prompt_keys)}
    lines = [line for line in file.read_text(encoding="ascii").splitlines() if line.strip()]
    rows = {row["key"]: (row, line) for line in lines if (row := json.loads(line))["prompt_key"] in order}
    kept = sorted(rows.values(), key=lambda item: _place(item[0], order))
    part = file.with_name(f"{file.name}.part")
    part.write_text("".join(f"{line}\n" for _, line in kept), encoding="ascii")
    part.replace(file)
    return len(lines) - len(kept)


def _place(row: Mapping[str, Any], order: Mapping[str, int]) -> tuple[int, int, bool]:
    return order[row["prompt_key"]], row.get("repeat", 0), bool(row["repair_sha256"])
