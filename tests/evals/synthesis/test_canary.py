"""Every leak puts its secret into some file; no secret looks like a live credential."""

import math
import random
from collections import Counter

import pytest

from evals.secret import spellings
from evals.synthesis.canary import LEAKS, Leak, plant
from evals.synthesis.ground import Ground
from evals.synthesis.meta import meta, write_controller
from evals.synthesis.scene import Scene
from evals.synthesis.secret import make_secret


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.name)
def test_a_leak_stands_in_the_logs_and_is_remembered(leak: Leak) -> None:
    scene = Scene(Ground(f"leak {leak.name}", language="python"))
    scene.start()
    plant(scene, leak)
    write_controller(scene.ground)
    text = "\n".join(stream.text for stream in scene.ground.streams.values())
    assert len(scene.facts.canaries) == 1
    assert any(form in text for form in spellings(scene.facts.canaries[0]))


def test_an_argument_stands_in_the_steps_record_too() -> None:
    scene = Scene(Ground("argument"))
    scene.start()
    plant(scene, next(leak for leak in LEAKS if leak.name == "argument"))
    assert scene.facts.canaries[0] in meta(scene.ground)


@pytest.mark.parametrize("kind", ["password", "token"])
def test_a_secret_is_too_plain_for_an_entropy_scanner(kind: str) -> None:
    for seed in range(200):
        made = make_secret(random.Random(seed), kind)
        counts = Counter(made).values()
        assert -sum(n / len(made) * math.log2(n / len(made)) for n in counts) < 4.5
        assert len(made) >= 12


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no secret of kind 'key'"):
        make_secret(random.Random(1), "key")
