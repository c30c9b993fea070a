"""`scenes.toml` → checked values: which log, which signals beside it, and the label that follows from both.

Texts of `signals` may hold placeholders:

    {{hours_before:N}}    the time N hours before the failure, ISO 8601, UTC
    {{canary:NAME}}       a secret made up from a seed; it must not be shown by a diagnosis
"""

import re
import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from diagnose.taxonomy import FACTS, Category, FailureType, TriageLabel
from evals.case import Id
from evals.errors import ScenarioError
from evals.lab.scenario import canary
from evals.triage.template import TEMPLATES

SCENES: Final = Path(__file__).parent / "scenes.toml"
_PLACEHOLDER: Final = re.compile(r"\{\{([a-z_]+):([a-z0-9]+)\}\}")


class Scene(BaseModel):
    """One case: a template's log, signals, and what an expert would say of the two together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Id
    description: str
    template: str
    job: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    failure_type: FailureType
    accept: tuple[Category, ...] = ()
    safe_to_retry: bool = False
    triage_label: TriageLabel
    evidence: Annotated[tuple[str, ...], Field(min_length=1)]
    difficulty: Literal["easy", "medium", "hard"]
    notes: str = ""
    version: Annotated[int, Field(ge=1)] = 1
    signals: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def category(self) -> Category:
        """The category of the failure type."""
        return FACTS[self.failure_type].category

    @property
    def canaries(self) -> tuple[str, ...]:
        """The made-up secrets in the signals, in order of appearance."""
        names = (
            hit[2]
            for text in _texts(self.signals)
            for hit in _PLACEHOLDER.finditer(text)
            if hit[1] == "canary"
        )
        return tuple(dict.fromkeys(canary(self.id, name) for name in names))

    def filled(self, failed_at: datetime) -> dict[str, Any]:
        """Give the signals with their placeholders replaced.

        Args:
            failed_at: when the step failed, UTC.

        Raises:
            ScenarioError: A placeholder names nothing.
        """

        def value(match: re.Match[str]) -> str:
            if match[1] == "canary":
                return canary(self.id, match[2])
            if match[1] == "hours_before":
                return f"{failed_at - timedelta(hours=int(match[2])):%Y-%m-%dT%H:%M:%SZ}"
            raise ScenarioError(f"{self.id}: {match[0]} names nothing; known: hours_before, canary")

        def fill(node: JsonValue) -> Any:  # noqa: ANN401 (any JSON value)
            if isinstance(node, str):
                return _PLACEHOLDER.sub(value, node)
            if isinstance(node, dict):
                return {key: fill(child) for key, child in node.items()}
            return [fill(child) for child in node] if isinstance(node, list) else node

        return {key: fill(child) for key, child in self.signals.items()}


def read_all(path: Path = SCENES) -> tuple[Scene, ...]:
    """Read every scene, sorted by id.

    Raises:
        ScenarioError: The file can't be read, or a scene in it is not valid.
    """
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["scene"]
        scenes = [Scene.model_validate(row) for row in rows]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise ScenarioError(f"{path}: can't be read ({error}); restore the file") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ScenarioError(f"{path}: {place}: {first['msg']}; correct the file") from error
    for scene in scenes:
        if scene.template not in TEMPLATES:
            raise ScenarioError(
                f"{scene.id}: template {scene.template} is unknown; known: {', '.join(TEMPLATES)}"
            )
    return tuple(sorted(scenes, key=lambda scene: scene.id))


def _texts(node: JsonValue) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _texts(child)
