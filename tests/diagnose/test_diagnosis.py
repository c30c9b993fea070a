"""The payload and its committed schema."""

import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from diagnose.diagnosis import Diagnosis, json_schema
from diagnose.pipeline import run_logs

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "diagnosis.schema.json"
FIRST = [
    "root_cause", "log_evidences", "recommendations", "category", "cluster_id", "step_id", "analysis_timestamp",
    "tokens_used",
]  # fmt: skip


def test_the_committed_schema_is_the_code_s():
    assert json.loads(SCHEMA.read_text()) == json_schema(), (
        "run: python -m diagnose schema > docs/diagnosis.schema.json"
    )


def test_the_eight_contract_fields_come_first():
    assert list(Diagnosis.model_fields)[:8] == FIRST


def test_a_payload_validates_and_an_extra_field_does_not(tree, tmp_path):
    diagnosis = run_logs(tree.driver(status=3).write(tmp_path)).diagnosis
    document = json.loads(diagnosis.model_dump_json())
    jsonschema.validate(document, json_schema())
    assert document["analysis_timestamp"].endswith("Z")
    with pytest.raises(ValidationError):
        Diagnosis.model_validate({**document, "extra": 1})
    with pytest.raises(ValidationError, match="same order"):
        Diagnosis.model_validate({**document, "log_evidences": ["invented"]})


def test_the_id_is_stable_for_a_run(tree, tmp_path):
    root = tree.driver(status=3).write(tmp_path)
    assert run_logs(root).diagnosis.diagnosis_id == run_logs(root).diagnosis.diagnosis_id
