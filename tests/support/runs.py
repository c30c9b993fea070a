"""Runs made by hand: answers as told, judged by the real scorers. Test data only, never a recording.

`scored` makes a row whose scores are given, for numbers that depend on nothing else.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from diagnose.diagnosis import Diagnosis, Evidence, EvidenceRole, Status
from diagnose.prompt import version_sha256
from diagnose.taxonomy import FACTS, Category, FailureType, TriageLabel
from evals.case import Case
from evals.evaluation import Evaluation, assess
from evals.gate import Standing
from evals.outcome import Outcome
from evals.run import DatasetId, Demands, Expected, Identity, Miss, Provenance, Row, Run, Timing
from evals.score import Score
from evals.scorers import judge

MODEL = "us.anthropic.claude-sonnet-4-6"
ANALYST = f"bedrock:{MODEL}"
MOMENT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SETTINGS = {"max_log_size_bytes": 32768}
FILE = "stdout.gz"
LINE = "java.net.ConnectException: Connection refused"
TYPES = {facts.category: failure_type for failure_type, facts in reversed(FACTS.items())}
"""The first failure type of each category."""


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def canary(case_id: str) -> str:
    return f"canary{sha256(case_id)[:14]}"


def row(
    case_id: str,
    *,
    right: bool = True,
    type_right: bool | None = None,
    safe: bool = False,
    said: bool | None = None,
    confidence: float = 0.9,
    leak: bool | None = None,
    shown: bool = True,
    invented: bool = False,
    error: str = "",
    repeat: int = 0,
    cluster: str | None = None,
    origin: str = "synthetic",
    dataset: str = "synthetic",
    model_id: str | None = MODEL,
    prompt_version: str | None = "v1",
    prompt_sha256: str | None = None,
    tokens: int = 5000,
    cost: float | None = 0.02,
    status: Status = Status.DIAGNOSED,
    **changes: Any,
) -> Row:
    """Build a judged row.

    Args:
        case_id: its id.
        right: the category is the labelled one.
        type_right: the failure type as well; like `right` by default.
        safe: the label says that a rerun is safe.
        said: the answer says so; like the label by default.
        confidence: of the answer.
        leak: None plants no canary; True shows it, False doesn't.
        shown: the labelled line is in the evidence.
        invented: the evidence holds a line that stands nowhere.
        error: the case raised; there is no answer.
        changes: fields of the diagnosis.
    """
    version = prompt_version if model_id else None
    label = FailureType("SERVICE_UNREACHABLE" if safe else "MALFORMED_INPUT")
    other = FailureType("SERVICE_THROTTLED" if safe else "CAST_FAILURE")
    told = (label if type_right or type_right is None else other) if right else FailureType("UNCLASSIFIED")
    lines = ((LINE,) if shown else ()) + (("this line stands nowhere",) if invented else ())
    planted = canary(case_id) if leak is not None else None
    diagnosis = _diagnosis(
        told,
        lines,
        safe_to_retry=safe if said is None else said,
        confidence=confidence,
        status=status,
        analyst=f"bedrock:{model_id}" if model_id else "rules",
        model_id=model_id,
        prompt_version=version,
        prompt_sha256=(prompt_sha256 or sha256(version)) if version else None,
        tokens_used=tokens if model_id else 0,
        input_tokens=tokens if model_id else 0,
        cost_usd=cost if model_id else None,
        **changes,
    )
    outcome = Outcome(
        diagnosis=None if error else diagnosis,
        excerpt=f"{LINE}\n{planted}" if leak else LINE,
        error=error,
        lines={FILE: (LINE,)},
    )
    metadata = {
        "category": FACTS[label].category,
        "failure_type": label,
        "safe_to_retry": safe,
        "evidence": ["Connection refused"],
        "canaries": [planted] if planted else [],
        "origin": origin,
        "cluster": cluster or case_id,
        "difficulty": "easy",
        "version": 1,
        "sha256": sha256(case_id),
    }
    names = {"case_id": case_id, "log_root": f"{case_id}/logs", "cluster_id": "j-TEST", "step_id": "s-TEST"}
    case = Case.model_validate(
        {
            "description": "a test",
            "vars": names,
            "metadata": metadata,
            "options": {"disableVarExpansion": True},
        }
    )
    return Row(
        case_id=case_id,
        repeat=repeat,
        dataset=dataset,
        cluster=case.metadata.cluster,
        origin=case.metadata.origin,
        difficulty="easy",
        case_sha256=case.metadata.sha256,
        expected=Expected(
            category=case.metadata.category,
            failure_type=label,
            safe_to_retry=safe,
            evidence=case.metadata.evidence,
        ),
        diagnosis=outcome.diagnosis,
        excerpt=outcome.excerpt,
        error=error,
        scores=judge(case, outcome),
    )


def scored(
    case_id: str = "a",
    *,
    repeat: int = 0,
    expected: str = "UNKNOWN",
    accept: tuple[str, ...] = (),
    got: str | None = "UNKNOWN",
    confidence: float = 0.9,
    scores: dict[str, float | None] | None = None,
    wall_ms: float = 0.0,
    cpu_ms: float = 0.0,
    **place: str,
) -> Row:
    """Build a row with these scores; `got` and `expected` are categories, `got=None` is an errored one."""
    return Row(
        case_id=case_id,
        repeat=repeat,
        dataset=place.get("dataset", "lab"),
        cluster=place.get("cluster", case_id),
        origin=place.get("origin", "lab"),
        difficulty=place.get("difficulty", "easy"),
        case_sha256="0" * 64,
        expected=Expected(
            category=Category(expected),
            accept=tuple(map(Category, accept)),
            failure_type=TYPES[Category(expected)],
            safe_to_retry=False,
        ),
        diagnosis=None if got is None else _diagnosis(TYPES[Category(got)], (), confidence=confidence),
        error="boom" if got is None else "",
        scores={name: Score(value=value, reason="") for name, value in (scores or {}).items()},
        timing=Timing(wall_ms=wall_ms, cpu_ms=cpu_ms),
    )


def run(
    rows: Iterable[Row],
    *,
    run_id: str = "run",
    analyst: str = ANALYST,
    model_id: str | None = MODEL,
    prompt_version: str | None = "v1",
    prompt_sha256: str | None = None,
    cases: int | None = None,
    date: datetime = MOMENT,
    **identity: Any,
) -> Run:
    """Build a run of these rows; its identity says what they say unless told otherwise."""
    ordered = tuple(sorted(rows, key=lambda each: each.key))
    version = prompt_version if model_id else None
    names: dict[str, set[str]] = {}
    for each in ordered:
        names.setdefault(each.dataset, set()).add(each.case_id)
    values: dict[str, Any] = {
        "datasets": tuple(
            DatasetId(name=name, cases=cases or len(ids), sha256=sha256(" ".join(sorted(ids))))
            for name, ids in sorted(names.items())
        ),
        "analyst": analyst if model_id else "rules",
        "model_id": model_id,
        "prompt_version": version,
        "prompt_sha256": (prompt_sha256 or sha256(version)) if version else None,
        "settings": SETTINGS,
        "repeats": max((each.repeat for each in ordered), default=0) + 1,
        "code_sha256": sha256("code"),
        "scorers_sha256": sha256("scorers"),
    }
    provenance = Provenance(run_id=run_id, date=date, commit="unknown", python="3.12", version="0.1.0")
    return Run(identity=Identity(**{**values, **identity}), provenance=provenance, rows=ordered)


def standing(made: Run, **changes: Any) -> Standing:
    """Say what stands today: by default what the run was made of."""
    values: dict[str, Any] = {
        "datasets": {each.name: each.sha256 for each in made.identity.datasets},
        "code_sha256": sha256("code"),
        "scorers_sha256": sha256("scorers"),
        "settings": SETTINGS,
    }
    return Standing(**{**values, **changes})


def made_of(today: Standing, rows: Iterable[Row]) -> dict[str, Any]:
    """Give the part of an identity that says that these rows were made of what stands today."""
    ids: dict[str, set[str]] = {}
    for each in rows:
        ids.setdefault(each.dataset, set()).add(each.case_id)
    return {
        "datasets": tuple(
            DatasetId(name=name, cases=len(cases), sha256=today.datasets[name])
            for name, cases in sorted(ids.items())
        ),
        "code_sha256": today.code_sha256,
        "scorers_sha256": today.scorers_sha256,
        "settings": today.settings,
    }


def _diagnosis(failure_type: FailureType, lines: tuple[str, ...], **changes: Any) -> Diagnosis:
    evidence = [
        Evidence(text=text, file=FILE, line=1, container=None, attempt=None, role=EvidenceRole.CAUSE)
        for text in lines
    ]
    values: dict[str, Any] = {
        "status": Status.DIAGNOSED,
        "analyst": "rules",
        "model_id": None,
        "prompt_version": None,
        "prompt_sha256": None,
        "safe_to_retry": False,
        "confidence": 0.9,
        "tokens_used": 0,
        "input_tokens": 0,
        "cost_usd": None,
        "root_cause": "the service refused",
        "log_evidences": list(lines),
        "recommendations": [],
        "category": FACTS[failure_type].category,
        "cluster_id": "j-TEST",
        "step_id": "s-TEST",
        "analysis_timestamp": datetime(1970, 1, 1, tzinfo=UTC),
        "diagnosis_id": "d",
        "platform": "emr",
        "job_name": None,
        "run_id": None,
        "attempt": None,
        "failed_at": None,
        "status_reason": None,
        "model_text": None,
        "completed_stages": [],
        "failure_type": failure_type,
        "triage_label": TriageLabel.UNKNOWN,
        "retry_reason": "as told",
        "partial_write_risk": False,
        "evidence": evidence,
        "ruled_out": [],
        "gaps": [],
        "prompt_gate": "none",
        "output_tokens": 0,
        "stage_ms": {},
    }
    return Diagnosis(**{**values, **changes})


CASES, CLUSTERS = 375, 120
"""As many as the committed policy was made for."""


def grid(
    *, wrong: Iterable[int] = (), cases: int = CASES, clusters: int = CLUSTERS, **changes: Any
) -> list[Row]:
    """Build rows for many cases: every fourth is safe to retry, every tenth of the lab, each second has a canary.

    The datasets are those that the committed policy requires.

    Args:
        wrong: numbers of the cases whose category is wrong; 0 to `cases` - 1.
        cases: how many.
        clusters: over how many clusters they are spread.
        changes: of every row, see `row`; a function of the number gives each its own.
    """
    bad = set(wrong)
    return [
        row(
            f"case-{number:04}",
            **{
                "right": number not in bad,
                "safe": number % 4 == 0,
                "leak": False if number % 2 else None,
                "cluster": f"cluster-{number % clusters}",
                "origin": "lab" if number % 10 == 0 else "synthetic",
                "dataset": {0: "lab", 7: "triage"}.get(number % 10, "synthetic"),
                **{name: value(number) if callable(value) else value for name, value in changes.items()},
            },
        )
        for number in range(cases)
    ]


def rules(rows: Iterable[Row] | None = None, **identity: Any) -> Run:
    """Build the run of the rules over the same cases."""
    own = grid(model_id=None) if rows is None else rows
    return run(own, **{"run_id": "rules", "model_id": None, **identity})


class Shelf:
    """A shelf of prompts on the disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "diagnosis").mkdir(parents=True)

    def put(self, name: str, words: str = "Words.", *, release: bool = True) -> str:
        """Add a version, and give the hash of its texts."""
        folder = self.root / "diagnosis" / name
        folder.mkdir(exist_ok=True)
        (folder / "system.j2").write_text(words)
        (folder / "user.j2").write_text("{{ gaps }}{{ excerpt }}")
        (folder / "repair.j2").write_text("{{ problem }}")
        (folder / "meta.toml").write_text(
            f'name = "{name}"\ndescription = "d"\ndate = 2026-11-22\nhints = false\n'
        )
        digest = self.sha256(name)
        if release:
            with (self.root / "released.toml").open("a") as file:
                file.write(f'[{name}]\nsha256 = "{digest}"\nreleased = 2026-11-22\n')
        return digest

    def sha256(self, name: str) -> str:
        """Hash the texts of a version."""
        folder = self.root / "diagnosis" / name
        return version_sha256({path.name: path.read_text() for path in folder.iterdir()})

    @property
    def active(self) -> Path:
        """Where the promoted version is named."""
        return self.root / "active.toml"


def assessed(made: Run, required: Iterable[str], known: Iterable[Miss] = ()) -> Evaluation:
    """Assess a run of which something is demanded."""
    demands = Demands(required=tuple(sorted(required)), known=tuple(known))
    return assess(made.model_copy(update={"demands": demands}))
