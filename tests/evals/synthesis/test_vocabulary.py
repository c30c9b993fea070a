"""Names are drawn from words that tell no label."""

import pytest

from diagnose.taxonomy import FACTS, Category, FailureType
from evals.case import Metadata
from evals.hint import hints
from evals.synthesis.vocabulary import NOUNS, VERBS


@pytest.mark.parametrize("failure_type", FailureType)
def test_no_job_has_a_name_that_tells_a_label(failure_type: FailureType) -> None:
    own = FACTS[failure_type].category
    label = Metadata.model_validate(
        {
            "category": own, "accept": tuple(set(Category) - {own}), "failure_type": failure_type,
            "safe_to_retry": False, "evidence": (), "origin": "synthetic", "cluster": "t", "difficulty": "easy",
            "version": 1, "sha256": "0" * 64,
        }
    )  # fmt: skip
    assert [
        name for name in (f"{noun}_{verb}" for noun in NOUNS for verb in VERBS) if hints(name, label)
    ] == []
