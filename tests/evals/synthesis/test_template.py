"""The registry of templates."""

import pytest

from diagnose.taxonomy import FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.template import REGISTRY, TemplateError, Truth, load_templates, template


def test_templates_come_sorted_and_of_every_module() -> None:
    names = [one.id for one in load_templates()]
    assert names == sorted(names)
    assert {"database-refuses", "ends-in-silence"} <= set(names)


def test_an_id_is_given_once() -> None:
    load_templates()
    taken = next(iter(REGISTRY))

    def another(scene: Scene) -> Truth:
        raise AssertionError(scene)

    with pytest.raises(TemplateError, match="taken"):
        template(taken, FailureType.CODE_ERROR)(another)
