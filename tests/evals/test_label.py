from typing import Any

import pytest
from pydantic import ValidationError

from evals.label import Label, to_case

META = {"event": {"detail": {"clusterId": "j-1", "stepId": "s-1"}}}


def label(**changes: Any) -> Label:
    values: dict[str, Any] = {
        "id": "fx",
        "category": "DEPENDENCY_FAILURE",
        "failure_type": "SERVICE_UNREACHABLE",
        "safe_to_retry": True,
        "evidence": ["HTTP Error 503"],
        "exit_code": 1,
    }
    return Label.model_validate({**values, **changes})


def test_a_label_becomes_a_case_with_ids_from_the_event() -> None:
    case = to_case(label(), folder="fx", meta=META, sha256="0" * 64)
    assert (case.id, case.vars.log_root, case.vars.cluster_id, case.vars.step_id) == (
        "fx",
        "fx/logs",
        "j-1",
        "s-1",
    )
    assert case.metadata.evidence == ("HTTP Error 503",)


def test_a_labels_own_ids_come_first() -> None:
    case = to_case(label(cluster_id="j-2", canaries=["secret-word"]), folder="", meta=META, sha256="0" * 64)
    assert (case.vars.cluster_id, case.vars.step_id, case.vars.log_root) == ("j-2", "s-1", "logs")
    assert case.metadata.canaries == ("secret-word",)


def test_an_unknown_category_is_refused() -> None:
    with pytest.raises(ValidationError):
        to_case(label(category="NETWORK"), folder="fx", meta=META, sha256="0" * 64)


def test_a_label_of_an_imported_failure_keeps_its_origin() -> None:
    given = label(origin="historical", cluster="incident-7", triage_label="SOURCE_DELAY", version=3)
    metadata = to_case(given, folder="fx", meta=META, sha256="0" * 64).metadata
    assert (metadata.origin, metadata.cluster, metadata.triage_label, metadata.version) == (
        "historical",
        "incident-7",
        "SOURCE_DELAY",
        3,
    )


def test_defaults_say_lab_and_a_cluster_of_its_own() -> None:
    metadata = to_case(label(), folder="fx", meta=META, sha256="0" * 64).metadata
    assert (metadata.origin, metadata.cluster, metadata.triage_label) == ("lab", "fx", None)


@pytest.mark.parametrize("meta", [{}, {"event": []}, {"event": {"detail": "text"}}])
def test_odd_records_give_no_ids(meta: dict[str, Any]) -> None:
    assert to_case(label(), folder="fx", meta=meta, sha256="0" * 64).vars.cluster_id == ""
