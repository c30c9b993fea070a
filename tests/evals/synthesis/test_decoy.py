"""Every decoy can be planted, says what it is known for, and changes nothing about the label."""

import pytest

from evals.rule import write_sign
from evals.synthesis.decoy import DECOYS, LOST_MASTER, Decoy
from evals.synthesis.ground import Ground
from evals.synthesis.scene import Scene

KNOWN_BY = {
    1: "NativeCodeLoader", 2: "failed 4 times; aborting job", 3: "Lost task", 4: "exited caused by one of the running tasks",
    5: "exited unrelated to the running tasks", 6: "Remote RPC client disassociated", 7: "no recent heartbeats",
    8: "Issue communicating with driver in heartbeater", 9: "Missing an output location for shuffle",
    10: "RECEIVED SIGNAL TERM", 11: "Shutdown hook called before final status was reported.", 13: "Dropping event from queue",
    14: "could not bind on port 4040", 15: "Failed to get database global_temp", 16: "Already tried 3 time(s)",
    17: "Connection reset by peer", 18: "Cannot locate configuration", 19: "Managed memory leak detected",
    20: "failed to start. bootstrap action 1", 24: "An error occurred while calling o", 25: "beyond the 'PHYSICAL' memory limit",
}  # fmt: skip


def planted(decoy: Decoy, seed: str) -> Scene:
    mode = decoy.modes[0]
    scene = Scene(Ground(seed, mode=mode, language="python"))
    scene.start(executors=3)
    assert decoy.plant(scene)
    return scene


def test_all_kinds_are_there_but_the_one_that_is_a_template() -> None:
    assert [decoy.number for decoy in DECOYS] == [number for number in range(1, 28) if number != 21]


@pytest.mark.parametrize(
    "decoy", [d for d in DECOYS if d.number != LOST_MASTER], ids=lambda d: d.plant.__name__
)
def test_a_decoy_writes_its_lines_and_no_write_effect(decoy: Decoy) -> None:
    scene = planted(decoy, f"decoy {decoy.number}")
    text = "\n".join(stream.text for stream in scene.ground.streams.values())
    assert KNOWN_BY.get(decoy.number, "") in text
    assert not list(filter(None, map(write_sign, text.splitlines())))
    assert not scene.facts.wrote
    assert not scene.facts.ended


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6, 7, 9])
def test_a_loud_decoy_is_survived(number: int) -> None:
    decoy = next(decoy for decoy in DECOYS if decoy.number == number)
    driver = planted(decoy, "loud").driver.text
    assert driver.rstrip().rsplit("\n", 1)[1].count("Job ") == 1
    assert " finished: " in driver.rstrip().rsplit("\n", 1)[1]


def test_a_loss_needs_a_second_executor() -> None:
    decoy = next(decoy for decoy in DECOYS if decoy.number == 4)
    scene = Scene(Ground("alone"))
    scene.start(executors=1)
    assert not decoy.plant(scene)
