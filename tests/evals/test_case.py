import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from evals.case import Case, json_schema

SCHEMA_FILE = Path(__file__).parents[2] / "datasets" / "case.schema.json"


def test_the_committed_schema_is_the_generated_one() -> None:
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == json_schema()


def test_a_line_survives_a_round_trip(case: Callable[..., Case]) -> None:
    line = case(canaries=["made-up"]).line()
    assert Case.model_validate_json(line).line() == line
    assert json.loads(line)["options"] == {"disableVarExpansion": True}
    assert json.loads(line)["assert"] == []


@pytest.mark.parametrize(
    "label",
    [
        {"category": "NETWORK"},
        {"accept": ["NETWORK"]},
        {"failure_type": "BROKEN"},
        {"category": "DATA_QUALITY"},
        {"canaries": ["short"]},
        {"sha256": "x"},
        {"origin": "internet"},
        {"unknown_field": 1},
    ],
)
def test_a_label_outside_the_vocabulary_is_refused(
    row: Callable[..., dict[str, Any]], label: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        Case.model_validate(row(**label))


def test_an_id_that_is_no_folder_name_is_refused(row: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        Case.model_validate(row("../other"))
