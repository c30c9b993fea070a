"""A run: every answer to every case, judged, with all that decided the answers. Frozen, as it is stored.

A row holds no raw log: payload and excerpt are redacted, reasons quote only what the product showed. Whatever
differs between two runs of the same thing stands under `timing`; the rest of a row is repeatable.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from diagnose.diagnosis import Diagnosis
from diagnose.taxonomy import Category, FailureType, TriageLabel
from evals.score import Score

VERSION: Final = 1
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Origin = Literal["synthetic", "lab", "historical"]
Difficulty = Literal["easy", "medium", "hard"]


class Stored(BaseModel):
    """Strict and frozen: what is written is what is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Expected(Stored):
    """What the label says."""

    category: Category
    accept: tuple[Category, ...] = ()
    failure_type: FailureType
    safe_to_retry: bool
    triage_label: TriageLabel | None = None
    """None: the case is not labelled for triage."""
    evidence: tuple[str, ...] = ()


class Timing(Stored):
    """What differs from run to run."""

    analysed_at: AwareDatetime | None = None
    cpu_ms: float = 0.0
    wall_ms: float = 0.0
    stage_ms: Mapping[str, int] = Field(default_factory=dict)


class Row(Stored):
    """One answer to one case."""

    case_id: str
    repeat: Annotated[int, Field(ge=0)] = 0
    description: str = ""
    dataset: str
    cluster: str
    """The template or incident the case comes from: rows of one cluster are not independent."""
    origin: Origin
    difficulty: Difficulty
    case_sha256: Sha256
    expected: Expected
    diagnosis: Diagnosis | None
    """None: the run of this case raised, as `error` says. Its times stand under `timing`."""
    excerpt: str = ""
    error: str = ""
    scores: Mapping[str, Score]
    timing: Timing = Field(default_factory=Timing)

    @property
    def key(self) -> tuple[str, int]:
        """What no two rows of a run share."""
        return self.case_id, self.repeat


class DatasetId(Stored):
    """Which cases, in which version."""

    name: str
    cases: Annotated[int, Field(ge=1)]
    sha256: Sha256
    part_of: Sha256 | None = None
    """Of the whole dataset, where only a part of its cases was asked; None for all of them."""


class Identity(Stored):
    """All that decides the answers: runs of one identity and a model without chance give the same rows."""

    datasets: tuple[DatasetId, ...]
    analyst: str
    """As it was asked for: `rules`, `bedrock:…`, `recorded:…`, `<provider>:<model>`."""
    model_id: str | None = None
    """The model that gave the replies, of a recording too; None for the rules."""
    prompt_version: str | None = None
    prompt_sha256: Sha256 | None = None
    sampling: Mapping[str, str | int | float] = Field(default_factory=dict)
    settings: Mapping[str, Any] = Field(default_factory=dict)
    """The product's settings that can change an answer, the excerpt budget first."""
    repeats: Annotated[int, Field(ge=1)] = 1
    code_sha256: Sha256
    """Of the product's own sources and catalogue."""
    scorers_sha256: Sha256
    """Of the code that judges."""
    recording_sha256: Sha256 | None = None
    """Of the file that replies are replayed from; None where they are not."""

    @property
    def cases(self) -> int:
        """How many cases there are to answer, over all datasets."""
        return sum(dataset.cases for dataset in self.datasets)

    @property
    def planned(self) -> int:
        """How many rows a complete run has."""
        return self.cases * self.repeats


class Provenance(Stored):
    """Where and when it ran; nothing of it decides an answer."""

    run_id: str
    date: AwareDatetime
    commit: str
    python: str
    version: str
    """Of the package."""


class Miss(Stored):
    """One requirement that one case is known not to hold."""

    case_id: str
    requirement: str
    reason: str


class Demands(Stored):
    """What was asked of the run; nothing of it decides an answer."""

    required: tuple[str, ...] = ()
    known: tuple[Miss, ...] = ()


class Run(Stored):
    """All rows of a run, sorted by case and repeat."""

    version: Literal[1] = VERSION
    identity: Identity
    provenance: Provenance
    demands: Demands = Demands()
    rows: tuple[Row, ...]

    @model_validator(mode="after")
    def _rows_are_sorted_and_unique(self) -> Self:
        keys = [row.key for row in self.rows]
        if keys != sorted(set(keys)):
            raise ValueError("rows must be sorted by case and repeat, each there once")
        return self

    @property
    def completeness(self) -> float:
        """The share of planned answers that came without an error, 0 to 1."""
        return sum(not row.error for row in self.rows) / self.identity.planned

    def by_case(self) -> Iterator[tuple[str, tuple[Row, ...]]]:
        """Give the rows of each case, in order."""
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            groups.setdefault(row.case_id, []).append(row)
        return ((name, tuple(rows)) for name, rows in groups.items())

    def dump(self) -> bytes:
        """Render as the JSON of a result file, keys in order."""
        return self.model_dump_json().encode() + b"\n"
