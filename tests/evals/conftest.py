"""A stand-in for the product, and case folders made at run time: nothing here needs `diagnose.pipeline`."""

import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from diagnose.diagnosis import Diagnosis, Evidence, EvidenceRole, Status
from diagnose.taxonomy import FACTS, FailureType, TriageLabel
from evals.case import Case
from evals.dataset import digest
from evals.outcome import Answer, Outcome
from evals.replay import Task, answer
from evals.run import DatasetId, Identity, Provenance, Row, Run

CAUSE = "urllib.error.URLError: <urlopen error [Errno 111] Connection refused>"
RAW_LINES = ("26/11/22 09:14:27 INFO SparkContext: Submitted application: fetch", CAUSE)


@dataclass(kw_only=True)
class FakeProduct:
    """Answers every log root with the same answer, or raises; remembers what it was asked."""

    answer: Answer
    error: Exception | None = None
    asked: list[Path] = field(default_factory=list)

    def __call__(self, log_root: Path, repeat: int = 0) -> Answer:
        del repeat
        self.asked.append(log_root)
        if self.error:
            raise self.error
        return self.answer


def make_diagnosis(
    *, shown: tuple[str, ...] = (CAUSE,), file: str = "stdout.gz", **changes: Any
) -> Diagnosis:
    failure_type = FailureType(changes.pop("failure_type", "SERVICE_UNREACHABLE"))
    values: dict[str, Any] = {
        "root_cause": "the service refused",
        "log_evidences": list(shown),
        "recommendations": [],
        "category": FACTS[failure_type].category,
        "cluster_id": "j-TEST",
        "step_id": "s-TEST",
        "analysis_timestamp": datetime(2026, 1, 1, tzinfo=UTC),
        "tokens_used": 0,
        "diagnosis_id": "d",
        "platform": "emr",
        "job_name": None,
        "run_id": None,
        "attempt": None,
        "failed_at": None,
        "status": Status.DIAGNOSED,
        "status_reason": None,
        "model_text": None,
        "completed_stages": [],
        "failure_type": failure_type,
        "triage_label": TriageLabel.UNKNOWN,
        "safe_to_retry": True,
        "retry_reason": "transient",
        "partial_write_risk": False,
        "confidence": 0.9,
        "evidence": [
            Evidence(
                text=text,
                file=file,
                line=_line_of(text),
                container=None,
                attempt=None,
                role=EvidenceRole.CAUSE,
            )
            for text in shown
        ],
        "ruled_out": [],
        "gaps": [],
        "analyst": "rules",
        "model_id": None,
        "prompt_version": None,
        "prompt_sha256": None,
        "prompt_gate": "none",
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": None,
        "stage_ms": {},
    }
    return Diagnosis(**{**values, **changes})


def make_row(case_id: str = "fetch", sha256: str = "0" * 64, **label: Any) -> dict[str, Any]:
    metadata = {
        "category": "DEPENDENCY_FAILURE",
        "accept": [],
        "failure_type": "SERVICE_UNREACHABLE",
        "safe_to_retry": True,
        "evidence": ["Connection refused"],
        "canaries": [],
        "origin": "lab",
        "cluster": case_id,
        "difficulty": "easy",
        "version": 1,
        "sha256": sha256,
        "notes": "",
    }
    return {
        "description": "a test",
        "vars": {
            "case_id": case_id,
            "log_root": f"{case_id}/logs",
            "cluster_id": "j-TEST",
            "step_id": "s-TEST",
        },
        "assert": [],
        "metadata": {**metadata, **label},
        "options": {"disableVarExpansion": True},
    }


def _line_of(text: str) -> int:
    """Number the raw line that a shown text comes from; 1 where it comes from none."""
    readable = max(text.removesuffix("…").replace("[REDACTED-IP]", "\n").split("\n"), key=len)
    return next((n for n, line in enumerate(RAW_LINES, start=1) if readable and readable in line), 1)


def write_logs(folder: Path, lines: tuple[str, ...] = RAW_LINES) -> Path:
    steps = folder / "logs" / "j-TEST" / "steps" / "s-TEST"
    steps.mkdir(parents=True)
    (steps / "stdout.gz").write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    meta = {
        "event": {"detail": {"clusterId": "j-TEST", "stepId": "s-TEST"}},
        "step": {"Config": {"Args": ["--mode", "full"]}},
    }
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    return folder / "logs"


def write_dataset(folder: Path, *ids: str, **label: Any) -> Path:
    rows = []
    for case_id in ids:
        log_root = write_logs(folder / case_id)
        rows.append(make_row(case_id, **{"sha256": digest(log_root), **label}))
    write_rows(folder, rows)
    return folder


def write_rows(folder: Path, rows: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "cases.jsonl").write_text(text, encoding="utf-8")


@pytest.fixture
def diagnosis() -> Callable[..., Diagnosis]:
    return make_diagnosis


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    return make_row


@pytest.fixture
def case() -> Callable[..., Case]:
    return lambda **label: Case.model_validate(make_row(**label))


@pytest.fixture
def outcome() -> Callable[..., Outcome]:
    def build(*, excerpt: str = CAUSE, error: str = "", talk: str = "", **changes: Any) -> Outcome:
        return Outcome(
            diagnosis=None if error else make_diagnosis(**changes),
            excerpt=excerpt,
            talk=talk,
            error=error,
            lines={"stdout.gz": RAW_LINES},
            context=("--mode", "full", "--mode full"),
        )

    return build


@pytest.fixture
def product() -> Callable[..., FakeProduct]:
    def build(*, error: Exception | None = None, excerpt: str = CAUSE, **changes: Any) -> FakeProduct:
        answer = Answer(diagnosis=make_diagnosis(**changes), excerpt=excerpt)
        return FakeProduct(answer=answer, error=error)

    return build


@pytest.fixture
def logs() -> Callable[..., Path]:
    return write_logs


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[..., Path]:
    """Write a dataset with the given ids and label, and give its folder."""
    return lambda *ids, **label: write_dataset(tmp_path / "set", *ids, **label)


@pytest.fixture
def rows() -> Callable[..., None]:
    return write_rows


def make_identity(*, analyst: str = "rules", cases: int = 2, **changes: Any) -> Identity:
    datasets = (DatasetId(name="set", cases=cases, sha256="0" * 64),)
    values = {"datasets": datasets, "analyst": analyst, "code_sha256": "1" * 64, "scorers_sha256": "2" * 64}
    return Identity(**{**values, **changes})


def make_provenance(run_id: str = "run-1") -> Provenance:
    date = datetime(2026, 1, 1, tzinfo=UTC)
    return Provenance(run_id=run_id, date=date, commit="abc", python="3.11", version="0")


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., Row]:
    """Replay one case with a made-up answer, and give the judged row."""
    root = write_logs(tmp_path / "judged")

    def build(
        case_id: str = "fetch",
        *,
        repeat: int = 0,
        label: dict[str, Any] | None = None,
        error: Exception | None = None,
        excerpt: str = CAUSE,
        **changes: Any,
    ) -> Row:
        case = Case.model_validate(make_row(case_id, **(label or {})))
        changes.setdefault("file", "j-TEST/steps/s-TEST/stdout.gz")
        product = FakeProduct(
            answer=Answer(diagnosis=make_diagnosis(**changes), excerpt=excerpt), error=error
        )
        return answer(Task(dataset="set", case=case, log_root=root, repeat=repeat), product)

    return build


@pytest.fixture
def run_of() -> Callable[..., Run]:
    """Make a run of rows."""

    def build(rows: Iterable[Row], *, run_id: str = "run-1", **identity: Any) -> Run:
        ordered = tuple(sorted(rows, key=lambda row: row.key))
        cases = len({row.case_id for row in ordered})
        made = make_identity(**{"cases": max(cases, 1), **identity})
        return Run(identity=made, provenance=make_provenance(run_id), rows=ordered)

    return build
