"""An analyst by name → a function that diagnoses log roots, and the facts that decide its answers.

The edge of the instrument: reads settings, opens prompts and recordings, makes clients. `Analyst` itself is
a plain value, so that every worker process can open the same one.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import diagnose
from diagnose.assembly import RULES, with_analyst
from diagnose.client import Clients
from diagnose.deadline import Deadline
from diagnose.errors import DiagnoseError
from diagnose.model import CallSink, Model, ModelReply, Question
from diagnose.pipeline import default_kit, run_logs
from diagnose.settings import Settings, load_settings
from diagnose.state import Kit
from evals.errors import AnalystError
from evals.outcome import Answer
from evals.run import DatasetId, Identity

_DECIDING: Final = (
    "max_log_size_bytes", "max_read_bytes", "log_context_lines", "redaction_extra_patterns",
    "redaction_numbered", "yarn_log_fetch_enabled", "bedrock_guardrail_id", "bedrock_guardrail_version",
)  # fmt: skip
"""Settings that can change an answer from recorded logs; the model's own stand under `sampling`."""

RECORDED: Final = "recorded"
_PRODUCT: Final = Path(diagnose.__file__).parent
_INSTRUMENT: Final = Path(__file__).parent
_JUDGES: Final = (
    "scorers/*.py", "agreement.py", "case.py", "literal.py", "outcome.py", "replay.py", "score.py",
    "source.py",
)  # fmt: skip
"""All modules of ours that a score comes from; a test walks their imports."""


@dataclass(frozen=True, kw_only=True)
class Analyst:
    """Who is asked, and with which prompt."""

    name: str = RULES
    """`rules`, `bedrock[:<model>]`, `recorded:<file>`, `<provider>:<model>`."""
    prompt: str | None = None
    """A version or folder; None takes the active version."""
    record: Path | None = None
    """Every reply of the model is appended here."""

    def open(self) -> "Opened":
        """Make everything the analyst needs.

        Raises:
            AnalystError: there is no such analyst, prompt or recording, or something it needs is missing.
        """
        try:
            settings = load_settings()
            kit = with_analyst(
                default_kit(settings),
                self.name,
                clients=lambda: Clients(settings),
                prompt=self.prompt,
                record=self.record,
            )
        except DiagnoseError as error:
            raise AnalystError(str(error)) from error
        return Opened(analyst=self, kit=kit)


class _Ear:
    """A model that keeps every text sent to another one and got from it, repairs too; a `Model`."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.name, self.model_id = model.name, model.model_id
        self.sent: list[str] = []
        self.got: list[str] = []

    def ask(self, question: Question, *, deadline: Deadline, sink: CallSink) -> ModelReply:
        """Ask the other one; see `Model.ask`."""
        prompt = question.prompt
        self.sent += [prompt.system, *(block.text for block in prompt.user), *(question.repair or ())]
        reply = self._model.ask(question, deadline=deadline, sink=sink)
        self.got.append(reply.text)
        return reply


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An analyst at work."""

    analyst: Analyst
    kit: Kit

    def __call__(self, log_root: Path, repeat: int = 0) -> Answer:
        """Diagnose the logs under `log_root`, for the n-th time."""
        desk = self.kit.desk
        ear = _Ear(desk.model) if desk else None
        heard = replace(desk, model=ear) if desk and ear else None
        result = run_logs(log_root, kit=replace(self.kit, repeat=repeat, desk=heard))
        return Answer(
            diagnosis=result.diagnosis,
            excerpt=result.excerpt.render(),
            prompt="\n".join(ear.sent) if ear else "",
            reply="\n".join(ear.got) if ear else "",
        )

    def identity(self, datasets: Iterable[DatasetId], *, repeats: int = 1) -> Identity:
        """Name all that decides this analyst's answers to `datasets`."""
        desk = self.kit.desk
        return Identity(
            datasets=tuple(datasets),
            analyst=self.analyst.name,
            model_id=desk.model.model_id if desk else None,
            prompt_version=desk.prompt.name if desk else None,
            prompt_sha256=desk.prompt.sha256 if desk else None,
            sampling=_sampling(self.kit),
            settings=_settings(self.kit.settings),
            repeats=repeats,
            recording_sha256=_recording_sha256(self.analyst.name),
            code_sha256=fingerprint(_PRODUCT, "*.py", "**/*.yaml", "**/*.toml"),
            scorers_sha256=fingerprint(_INSTRUMENT, *_JUDGES),
        )


def _recording_sha256(name: str) -> str | None:
    kind, _, file = name.partition(":")
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if kind == RECORDED else None


def fingerprint(folder: Path, *patterns: str) -> str:
    """Hash the files of `folder` that match, names and contents, whatever the order they are found in."""
    files = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    text = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in files
        if "_prompts" not in path.parts
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _sampling(kit: Kit) -> dict[str, str | int | float]:
    model: Any = kit.desk.model if kit.desk else None
    return asdict(model.sampling) if model is not None else {}


def _settings(settings: Settings) -> dict[str, Any]:
    return settings.model_dump(mode="json", include=set(_DECIDING))
