"""A scenario file → a checked value: one job that must fail, and the label that is right by construction.

`source`, `args`, `conf` and the texts of files may hold placeholders:

    {{home}}  {{tmp}}     the job's working folders, shown in the logs as /home/hadoop and /mnt/tmp
    {{service:NAME}}      host:port of a service of this scenario
    {{canary:NAME}}       a secret made up from a seed; it must not be shown by a diagnosis
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from diagnose.taxonomy import Category, FailureType
from evals.case import Id
from evals.errors import ScenarioError

SCENARIOS: Final = Path(__file__).parent / "scenarios"

_PLACEHOLDER: Final = re.compile(r"\{\{([a-z]+)(?::([a-z]+))?\}\}")
_SYLLABLES: Final = (
    "ba",
    "du",
    "fe",
    "gi",
    "ko",
    "lu",
    "ma",
    "ni",
    "po",
    "ra",
    "su",
    "ti",
    "vo",
    "we",
    "xa",
    "zu",
)


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Service(_Row):
    """A server on the loopback interface that misbehaves as told."""

    name: Annotated[str, Field(pattern=r"^[a-z]+$")]
    kind: Literal["closed", "silent", "hangup", "http", "postgres"]
    """closed: refuses. silent: accepts and never answers. hangup: reads a request and hangs up.
    http: answers `statuses`. postgres: answers the startup packet with an error of `code` and `text`."""
    statuses: tuple[int, ...] = (200,)
    """With http: one per request, the last one for all that follow."""
    code: str = ""
    text: str = ""


class File(_Row):
    """A file that stands under {{tmp}} before the job starts."""

    path: str
    text: str
    mode: int = 0o644


class Expectation(_Row):
    """The label; see `evals.case.Metadata`."""

    category: Category
    accept: tuple[Category, ...] = ()
    failure_type: FailureType
    safe_to_retry: bool
    evidence: Annotated[tuple[str, ...], Field(min_length=1)]
    difficulty: Literal["easy", "medium", "hard"]
    notes: str = ""


class Scenario(_Row):
    """One job that fails on purpose."""

    id: Id
    description: str
    version: Annotated[int, Field(ge=1)] = 1
    cluster: str = ""
    """The incident it belongs to, when several scenarios are variants of one; its id by default."""
    source: str
    """The job, a Python program."""
    args: tuple[str, ...] = ()
    conf: Mapping[str, str] = Field(default_factory=dict)
    packages: tuple[str, ...] = ()
    """Maven coordinates, fetched by spark-submit."""
    requires: tuple[str, ...] = ()
    """Python modules the job imports beside pyspark."""
    unprivileged: bool = False
    """Run as a user without rights; such a scenario needs root to be run."""
    service: tuple[Service, ...] = ()
    file: tuple[File, ...] = ()
    label: Expectation

    @property
    def job_name(self) -> str:
        """The name the step and the job's file carry."""
        return self.id.replace("-", "_")

    @property
    def canaries(self) -> tuple[str, ...]:
        """The made-up secrets of the job, in order of appearance."""
        texts = (self.source, *self.args, *self.conf.values(), *(file.text for file in self.file))
        names = (name for text in texts for kind, name in _PLACEHOLDER.findall(text) if kind == "canary")
        return tuple(dict.fromkeys(canary(self.id, name) for name in names))

    def fill(self, text: str, values: Mapping[str, str]) -> str:
        """Replace the placeholders of `text`; `values` holds home, tmp and `service:NAME`.

        Raises:
            ScenarioError: A placeholder names nothing.
        """

        def value(match: re.Match[str]) -> str:
            if match[1] == "canary":
                return canary(self.id, match[2] or "")
            key = match[0].strip("{}")
            if key not in values:
                raise ScenarioError(
                    f"{self.id}: {match[0]} names nothing; known: {', '.join(sorted(values))}"
                )
            return values[key]

        return _PLACEHOLDER.sub(value, text)


def canary(scenario_id: str, name: str) -> str:
    """Make up a secret from a seed: shaped like a person's password, like no vendor's token."""
    seed = hashlib.sha256(f"{scenario_id}/{name}".encode()).digest()
    words = "".join(_SYLLABLES[byte % len(_SYLLABLES)] for byte in seed[:5])
    return f"{words.capitalize()}+{int.from_bytes(seed[5:8]) % 9000 + 1000}/{_SYLLABLES[seed[8] % 16]}"


def read(path: Path) -> Scenario:
    """Read and check one scenario file.

    Raises:
        ScenarioError: It is missing, no TOML, or not a scenario.
    """
    try:
        scenario = Scenario.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(
            f"{path}: can't be read ({error}); `ls {path.parent}` shows what there is"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ScenarioError(f"{path}: {place}: {first['msg']}; correct the file") from error
    if scenario.id != path.stem:
        raise ScenarioError(f"{path}: its id is {scenario.id}; name the file {scenario.id}.toml")
    return scenario


def read_all(folder: Path = SCENARIOS) -> tuple[Scenario, ...]:
    """Read every scenario of `folder`, sorted by id."""
    return tuple(read(path) for path in sorted(folder.glob("*.toml")))
