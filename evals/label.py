"""A `label.json` beside logs → the same `Case` that a line of `cases.jsonl` gives.

The format is that of folders labelled by hand: id, category, failure_type, safe_to_retry, evidence, and
optionally accept, canaries, notes, cluster_id, step_id, triage_label, origin, cluster, difficulty, version.
Other keys are people's own notes and are left alone. Such a folder carries no checksum: the digest is taken
as the files stand.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from evals.case import Case

_METADATA: Final = {
    "category",
    "accept",
    "failure_type",
    "safe_to_retry",
    "triage_label",
    "evidence",
    "canaries",
    "origin",
    "difficulty",
    "version",
    "notes",
}


class Label(BaseModel):
    """What a person wrote beside a failure's logs; `evals.case.Metadata` says what the words mean."""

    # Not "forbid": the format is not ours, and its owners add keys.
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    category: str
    accept: tuple[str, ...] = ()
    failure_type: str
    safe_to_retry: bool
    triage_label: str | None = None
    evidence: tuple[str, ...] = ()
    canaries: tuple[Annotated[str, Field(min_length=6)], ...] = ()
    origin: str = "lab"
    cluster: str = ""
    """The incident the failure belongs to; its own id when empty."""
    difficulty: str = "medium"
    version: int = 1
    notes: str = ""
    cluster_id: str = ""
    step_id: str = ""


def to_case(label: Label, *, folder: str, meta: Mapping[str, Any], sha256: str) -> Case:
    """Turn a label into a case whose logs stand in `<folder>/logs`.

    Args:
        label: What the person wrote.
        folder: The case's folder relative to the dataset's; empty when it is the dataset's.
        meta: The parsed `meta.json`; ids are taken from its event where the label has none.
        sha256: `evals.dataset.digest` of the files.

    Raises:
        pydantic.ValidationError: A value of the label is outside the closed vocabularies.
    """
    detail = _mapping(_mapping(meta, "event"), "detail")
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
            "metadata": {
                **label.model_dump(include=_METADATA),
                "cluster": label.cluster or label.id,
                "sha256": sha256,
            },
            "options": {"disableVarExpansion": True},
        }
    )


def _mapping(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Give the object under `key`; an empty one where something else stands there."""
    child = value.get(key)
    return child if isinstance(child, dict) else {}
