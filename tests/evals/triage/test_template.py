import pytest

from evals.triage.journal import Journal
from evals.triage.scene import read_all
from evals.triage.template import TEMPLATES


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_fails_and_leaves_words_behind(name: str) -> None:
    log = Journal(name, "a_job")
    assert TEMPLATES[name](log) > 0
    assert log.driver or log.out


def test_every_template_is_used() -> None:
    assert {scene.template for scene in read_all()} == set(TEMPLATES)
