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
from diagnose.errors import DiagnoseError
from diagnose.pipeline import default_kit, run_logs
from diagnose.settings import Settings, load_settings
from diagnose.state import Kit, State
from evals.errors import AnalystError
from evals.outcome import Answer
from evals.run import DatasetId, Identity

_DECIDING: Final = (
    "max_log_size_bytes", "max_read_bytes", "log_context_lines", "redaction_extra_patterns",
    "redaction_numbered", "yarn_log_fetch_enabled", "bedrock_guardrail_id", "bedrock_guardrail_version",
)  # fmt: skip
"""Settings that can change an answer from recorded logs; the model's own stand under `sampling`."""

_PRODUCT: Final = Path(diagnose.__file__).parent
_INSTRUMENT: Final = Path(__file__).parent
_JUDGES: Final = ("scorers/*.py", "literal.py", "source.py", "replay.py", "outcome.py", "score.py")


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


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An analyst at work."""

    analyst: Analyst
    kit: Kit

    def __call__(self, log_root: Path, repeat: int = 0) -> Answer:
        """Diagnose the logs under `log_root`, for the n-th time."""
        kit = replace(self.kit, repeat=repeat) if repeat else self.kit
        result = run_logs(log_root, kit=kit)
        return Answer(
            diagnosis=result.diagnosis,
            excerpt=result.excerpt.render(),
            prompt=_sent(result.state),
            reply=result.state.reply.text if result.state.reply else "",
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
            code_sha256=fingerprint(_PRODUCT, "*.py", "**/*.yaml", "**/*.toml"),
            scorers_sha256=fingerprint(_INSTRUMENT, *_JUDGES),
        )


def fingerprint(folder: Path, *patterns: str) -> str:
    """Hash the files of `folder` that match, names and contents, whatever the order they are found in."""
    files = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    text = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in files
        if "_prompts" not in path.parts
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _sent(state: State) -> str:
    if state.prompt is None:
        return ""
    return "\n".join((state.prompt.system, *(block.text for block in state.prompt.user)))


def _sampling(kit: Kit) -> dict[str, str | int | float]:
    model: Any = kit.desk.model if kit.desk else None
    return asdict(model.sampling) if model is not None else {}


def _settings(settings: Settings) -> dict[str, Any]:
    return settings.model_dump(mode="json", include=set(_DECIDING))
