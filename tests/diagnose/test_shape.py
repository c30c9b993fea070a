"""A trigger opens its shape wherever the shape matches: it saves time and never a finding."""

import random
from pathlib import Path

import canary
import pytest

from diagnose.echo import ECHOES
from diagnose.gate import Gate
from diagnose.label import latin
from diagnose.login import LOGINS
from diagnose.secret import SHAPES
from diagnose.tool import TOOLS

SUPPORT = Path(__file__).resolve().parents[1] / "support"
# the trigger of cards asks for an edge before the number, which the form leaves to its check
TRIGGERED = [
    shape for shape in (*SHAPES, *LOGINS, *ECHOES, *TOOLS) if shape.trigger and shape.check != "card"
]
LINES = (SUPPORT / "survivors.txt").read_text().splitlines()


def texts():
    """Planted secrets, lines without any, and both with blanks and signs put in."""
    rng = random.Random(11)
    planted = [text for *_, text, _ in canary.plantings(seed=11)]
    forms = (SUPPORT / "notations.txt").read_text().split("\n%%\n")
    for text in (*planted, *LINES, *forms):
        yield text.encode()
        at = rng.randrange(len(text) + 1)
        yield (text[:at] + rng.choice([" ", "(", "[", "=", ": ", " -P ", "|"]) + text[at:]).encode()


TEXTS = list(texts())


@pytest.mark.parametrize("shape", TRIGGERED, ids=lambda shape: shape.pattern[:60].decode())
def test_a_trigger_opens_wherever_its_shape_matches(shape):
    pattern, gate = latin(shape.pattern, groups=False), Gate([shape.trigger])
    assert all(gate.opened(text) for text in TEXTS if pattern.search(text))
