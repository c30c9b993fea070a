"""A scenario file → a checked value: one job, where it runs, what is broken, and the label that follows.

Every text of a scenario may hold placeholders:

    {{home}}  {{tmp}}     the job's working folders, shown in the logs as /home/hadoop and /mnt/tmp
    {{job}}               the job's program as a file
    {{service:NAME}}      host:port of a service of this scenario
    {{canary:NAME}}       a secret made up from a seed; it must not be shown by a diagnosis
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from diagnose.taxonomy import Category, FailureType
from evals.case import Id
from evals.errors import ScenarioError
from evals.lab.part import Part, part
from evals.synthesis.secret import SYLLABLES

SCENARIOS: Final = Path(__file__).parent / "scenarios"

_PLACEHOLDER: Final = re.compile(r"\{\{([a-z]+)(?::([a-z]+))?\}\}")


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Service(_Row):
    """A server on the loopback interface that misbehaves as told."""

    name: Annotated[str, Field(pattern=r"^[a-z]+$")]
    kind: Literal["closed", "silent", "hangup", "http", "postgres", "database"]
    """closed: refuses. silent: accepts and never answers. hangup: reads a request and hangs up.
    http: answers `statuses` with the body `text`, JSON or (as S3 does) XML.
    postgres: answers the startup packet with an error of `code` and `text`.
    database: a real PostgreSQL, prepared with the SQL of `text`; user, password and database are `etl`."""
    statuses: tuple[int, ...] = (200,)
    """With http: one per request, the last one for all that follow."""
    code: str = ""
    text: str = ""


class File(_Row):
    """A file that stands under {{tmp}} before the job starts."""

    path: str
    text: str
    mode: int = 0o644


class Archive(_Row):
    """A jar or zip made from text, at {{home}}/lib/PATH; `.java` files are compiled into it.

    Compiled against Spark and the archives before it, so that two versions of a library can be told apart.
    """

    path: Annotated[str, Field(pattern=r"^[\w.-]+\.(jar|zip)$")]
    files: Mapping[str, str]


class Hdfs(_Row):
    """A folder on HDFS, or a file when `text` or `source` is given; made in the order they stand in."""

    path: Annotated[str, Field(pattern=r"^/")]
    owner: str = "hadoop"
    mode: Annotated[str, Field(pattern=r"^[01]?[0-7]{3}$")] = "755"
    text: str | None = None
    source: str | None = None
    """A local file, as `prepare` leaves it under {{tmp}}."""
    quota_files: int | None = None
    quota_bytes: int | None = None


class Action(_Row):
    """Something done to the cluster while the job runs."""

    when: str
    """Done once a log of the job (of its step or of a container) holds this text."""
    delay_seconds: Annotated[float, Field(ge=0)] = 0
    do: Literal[
        "kill-application", "kill-process", "lose-node", "enter-safemode", "leave-safemode", "stop-datanode"
    ]
    of: Literal["driver", "executor"] = "executor"
    """Whose process, or whose node."""
    signal: int = 9
    """With kill-process."""


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
    """One job that fails on purpose, or succeeds where it is healthy."""

    id: Id
    description: str
    version: Annotated[int, Field(ge=1)] = 1
    cluster: str = ""
    """The incident it belongs to, when several scenarios are variants of one; its id by default."""
    place: Literal["local", "yarn"] = "local"
    """local: one process, client mode. yarn: a real YARN and HDFS on this machine."""
    engine: Literal["spark-3.5", "spark-4"] = "spark-3.5"
    deploy: Literal["client", "cluster"] = "cluster"
    """With yarn: where the driver runs."""
    attempts: Annotated[int, Field(ge=1, le=2)] = 1
    """With yarn: how often YARN starts the application at most."""
    nodes: Literal[1, 2] = 1
    """With yarn: node managers."""
    user: Literal["hadoop", "etl", "analyst"] = "hadoop"
    """With yarn: who submits."""
    source: str = ""
    """The job, a Python program; empty where `application` names something else."""
    application: str = ""
    """What is submitted instead of the job's program, an archive for example."""
    args: tuple[str, ...] = ()
    conf: Mapping[str, str] = Field(default_factory=dict)
    options: tuple[str, ...] = ()
    """More options of spark-submit (`--class`, `--jars`, `--py-files`, …), before the application."""
    shell: str = ""
    """With yarn: the text of `bash -c`, where the step is a shell's (of several applications, say)."""
    packages: tuple[str, ...] = ()
    """Maven coordinates, fetched by spark-submit."""
    prepare: str = ""
    """A Python program run in {{tmp}} before the job, to write files that can't stand here as text."""
    requires: tuple[str, ...] = ()
    """Python modules the job imports that the engine does not have."""
    unprivileged: bool = False
    """With local: run as a user without rights; such a scenario needs root to be run."""
    disk_mb: Annotated[int, Field(ge=1)] | None = None
    """With yarn: size of the disk the containers' scratch folders stand on; needs root."""
    undelivered: tuple[str, ...] = ()
    """Harvested files that do not reach the dataset, as patterns below the cluster's folder."""
    service: tuple[Service, ...] = ()
    file: tuple[File, ...] = ()
    archive: tuple[Archive, ...] = ()
    hdfs: tuple[Hdfs, ...] = ()
    action: tuple[Action, ...] = ()
    healthy: bool = False
    """The job must succeed; such a run has no label and is no case."""
    applications: tuple[Literal["SUCCEEDED", "FAILED", "KILLED", "UNDEFINED"], ...] | None = None
    """With yarn: final status of each application of the step, in order, where that is part of the design."""
    chance: bool = False
    """Which thread meets the end first is chance, as with a full heap or a kill; `check` then compares
    outcome, evidence and files, not lines."""
    label: Expectation | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.healthy == (self.label is not None):
            raise ValueError("a scenario has a label, or it is healthy; give one of the two")
        if not (self.source or self.application or self.shell):
            raise ValueError("nothing is run; give source, application or shell")
        given = [name for name in _YARN_ONLY if name in self.model_fields_set]
        if self.place == "local" and given:
            raise ValueError(f"{', '.join(given)}: only with place = 'yarn'")
        if self.place == "yarn" and self.unprivileged:
            raise ValueError("unprivileged: only with place = 'local'; give a user instead")
        return self

    @property
    def job_name(self) -> str:
        """The name the step and the job's file carry."""
        return self.id.replace("-", "_")

    @property
    def part(self) -> Part:
        """Whether its logs may be tuned on."""
        return part(self.id)

    @property
    def fingerprint(self) -> str:
        """Checksum of what shapes its run; label and description may be corrected without a new one."""
        shape = self.model_dump(mode="json", exclude=_TOLD, exclude_defaults=True)
        return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()

    @property
    def incident(self) -> str:
        """What its case shares with cases that are not independent of it."""
        return self.cluster or self.id

    @property
    def canaries(self) -> tuple[str, ...]:
        """The made-up secrets of the job, in order of appearance."""
        names = (
            name for text in self._texts() for kind, name in _PLACEHOLDER.findall(text) if kind == "canary"
        )
        return tuple(dict.fromkeys(canary(self.id, name) for name in names))

    def _texts(self) -> Iterator[str]:
        yield from (self.source, *self.args, *self.conf.values(), *self.options, self.shell, self.prepare)
        yield from (file.text for file in self.file)
        for archive in self.archive:
            yield from archive.files.values()
        yield from (hdfs.text for hdfs in self.hdfs if hdfs.text)

    def fill(self, text: str, values: Mapping[str, str]) -> str:
        """Replace the placeholders of `text`; `values` holds home, tmp, job and `service:NAME`.

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


_TOLD: Final = {"description", "version", "cluster", "healthy", "applications", "chance", "label"}
_YARN_ONLY: Final = (
    "deploy", "attempts", "nodes", "user", "disk_mb", "hdfs", "action", "applications", "shell",
)  # fmt: skip


def canary(scenario_id: str, name: str) -> str:
    """Make up a secret from a seed: shaped like a person's password, like no vendor's token."""
    seed = hashlib.sha256(f"{scenario_id}/{name}".encode()).digest()
    words = "".join(SYLLABLES[byte % len(SYLLABLES)] for byte in seed[:5])
    return f"{words.capitalize()}+{int.from_bytes(seed[5:8]) % 9000 + 1000}/{SYLLABLES[seed[8] % 16]}"


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
