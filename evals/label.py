"""A `label.json` beside logs → the same `Case` that a line of `cases.jsonl` gives.

The format is that of folders labelled by hand: id, category, accept, failure_type, safe_to_retry, evidence,
and optionally canaries, notes, cluster_id, step_id. Other keys are people's own notes and are left alone.
Such a folder carries no checksum: the digest is taken as the files stand.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from evals.case import Case


class Label(BaseModel):
    """What a person wrote beside a failure's logs."""

    # Not "forbid": the format is not ours, and its owners add keys.
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    category: str
    accept: tuple[str, ...] = ()
    failure_type: str
    safe_to_retry: bool
    evidence: tuple[str, ...] = ()
    canaries: tuple[Annotated[str, Field(min_length=6)], ...] = ()
    notes: str = ""
    cluster_id: str = ""
    step_id: str = ""


def to_case(label: Label, *, folder: str, meta: Mapping[str, Any], sha256: str) -> Case:
    """Turn a label into a case whose logs stand in `<folder>/logs`.

    Raises:
        pydantic.ValidationError: A value of the label is outside the closed vocabularies.
    """
    detail = meta.get("event", {}).get("detail", {})
    return Case.model_validate(
        {
            "description": label.notes or label.id,
            "vars": {
                "case_id": label.id,
                "log_root": f"{folder}/logs" if folder else "logs",
                "cluster_id": label.cluster_id or detail.get("clusterId", ""),
                "step_id": label.step_id or detail.get("stepId", ""),
            },
            "assert": [],
            "metadata": _metadata(label, sha256),
            "options": {"disableVarExpansion": True},
        }
    )


def _metadata(label: Label, sha256: str) -> dict[str, Any]:
    taken = {"category", "accept", "failure_type", "safe_to_retry", "evidence", "canaries", "notes"}
    return {
        **label.model_dump(include=taken),
        "origin": "lab",
        "cluster": label.id,
        "difficulty": "medium",
        "version": 1,
        "sha256": sha256,
    }
