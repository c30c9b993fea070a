"""One labelled failure: a JSON line that a real promptfoo reads as well (`tests: file://cases.jsonl`).

Raw logs never stand in `vars`: promptfoo renders templates, expands lists and reads `file://` there.
`vars.log_root` is relative to the folder that holds `cases.jsonl`.
The JSON schema of a line is committed as `datasets/case.schema.json`; a test compares it.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from diagnose.taxonomy import FACTS, Category, FailureType, TriageLabel

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Canary = Annotated[str, Field(min_length=6)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Variables(_Row):
    """promptfoo's `vars`: what a provider needs to find the case."""

    case_id: Id
    log_root: Annotated[str, Field(min_length=1)]
    cluster_id: str
    step_id: str


class Assertion(_Row):
    """One of promptfoo's assertions: a Python file that scores the answer under a metric's name."""

    type: Literal["python"]
    value: Annotated[str, Field(pattern=r"^file://")]
    metric: str


class Metadata(_Row):
    """The label, and where it comes from."""

    category: Category
    accept: tuple[Category, ...] = ()
    """Other categories that a fair reader of the logs could give."""
    failure_type: FailureType
    safe_to_retry: bool
    triage_label: TriageLabel | None = None
    """The triage label, where the case is labelled for triage."""
    evidence: tuple[Annotated[str, Field(min_length=1)], ...]
    """Literal parts of log lines; any one of them shown proves the cause. Empty: no line can."""
    canaries: tuple[Canary, ...] = ()
    """Made-up secrets that stand in the logs and must not be shown."""
    origin: Literal["synthetic", "lab", "historical"]
    cluster: str
    """The template or incident the case comes from; cases of one cluster are not independent."""
    difficulty: Literal["easy", "medium", "hard"]
    version: Annotated[int, Field(ge=1)]
    sha256: Sha256
    """`evals.dataset.digest` of the case's files."""
    notes: str = ""

    @model_validator(mode="after")
    def _type_belongs_to_category(self) -> Self:
        category = FACTS[self.failure_type].category
        if category != self.category:
            raise ValueError(
                f"failure_type {self.failure_type} belongs to category {category}, not to {self.category}"
            )
        return self


class Options(_Row):
    """promptfoo's `options`: lists in `vars` must not become several cases."""

    disable_var_expansion: Annotated[Literal[True], Field(alias="disableVarExpansion")]


class Case(_Row):
    """One labelled failure."""

    description: str
    vars: Variables
    assertions: Annotated[tuple[Assertion, ...], Field(alias="assert")] = ()
    metadata: Metadata
    options: Options

    @property
    def id(self) -> str:
        """The name of the case, unique within a run."""
        return self.vars.case_id

    def line(self) -> str:
        """Render the case as one JSON line without its newline."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


def json_schema() -> dict[str, Any]:
    """Build the JSON schema of one line (draft 2020-12)."""
    schema = Case.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
