"""The payload: what callers get. Pydantic at the edge, `extra="forbid"`, JSON schema committed.

The first eight fields of `Diagnosis` are the contract with callers and keep their names and meaning.
`python -m diagnose schema` prints the JSON schema; a test compares it with the committed file.
"""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from diagnose.taxonomy import Category, FailureType, TriageLabel

SCHEMA_VERSION: Final = "1.0"
MAX_RECOMMENDATIONS: Final = 3


class Status(StrEnum):
    """How the diagnosis ended."""

    DIAGNOSED = "DIAGNOSED"
    PARTIAL_ANALYSIS = "PARTIAL_ANALYSIS"
    GUARDRAIL_BLOCKED = "GUARDRAIL_BLOCKED"
    GUARDRAIL_OUTPUT_BLOCKED = "GUARDRAIL_OUTPUT_BLOCKED"
    PARSE_ERROR = "PARSE_ERROR"
    ANALYSIS_ABORTED = "ANALYSIS_ABORTED"
    INVALID_EVENT = "INVALID_EVENT"
    IGNORED = "IGNORED"


class EvidenceRole(StrEnum):
    """What a shown line is: the cause itself, a consequence of it, or what helps to read it."""

    CAUSE = "cause"
    SYMPTOM = "symptom"
    CONTEXT = "context"


class _Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_enum_values=False)


class Evidence(_Payload):
    """One log line, redacted and otherwise unchanged, with the place where it stands."""

    text: str
    file: str
    line: Annotated[int, Field(ge=1)]
    container: str | None
    attempt: int | None
    role: EvidenceRole


class RuledOut(_Payload):
    """A line that looks like a cause and is none, with the reason."""

    text: str
    reason: str


class Diagnosis(_Payload):
    """The checked verdict on one failed job."""

    root_cause: str
    log_evidences: list[str]
    recommendations: Annotated[list[str], Field(max_length=MAX_RECOMMENDATIONS)]
    category: Category
    cluster_id: str
    step_id: str
    analysis_timestamp: AwareDatetime
    tokens_used: Annotated[int, Field(ge=0)]

    schema_version: str = SCHEMA_VERSION
    diagnosis_id: str
    platform: str
    job_name: str | None
    run_id: str | None
    attempt: int | None
    failed_at: AwareDatetime | None
    status: Status
    status_reason: str | None
    model_text: str | None
    completed_stages: list[str]
    failure_type: FailureType
    triage_label: TriageLabel
    safe_to_retry: bool
    retry_reason: str
    partial_write_risk: bool
    confidence: Annotated[float, Field(ge=0, le=1)]
    evidence: list[Evidence]
    ruled_out: list[RuledOut]
    gaps: list[str]
    analyst: str
    model_id: str | None
    prompt_version: str | None
    prompt_sha256: str | None
    prompt_gate: str
    input_tokens: Annotated[int, Field(ge=0)]
    output_tokens: Annotated[int, Field(ge=0)]
    cost_usd: float | None
    stage_ms: dict[str, int]

    @model_validator(mode="after")
    def _evidence_agrees(self) -> "Diagnosis":
        if self.log_evidences != [item.text for item in self.evidence]:
            raise ValueError("log_evidences must be the texts of evidence, in the same order")
        return self


def json_schema() -> dict[str, Any]:
    """Build the JSON schema of the payload (draft 2020-12)."""
    schema = Diagnosis.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
