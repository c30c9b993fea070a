"""The trail: what every log line says of the delivery under way, read from any thread."""

import threading

import pytest

from diagnose.telemetry import StageRecord
from diagnose.trail import RUNNING, Trail

CLUSTER, STEP = "j-2K7QPX4M9VNTL", "s-3HJ8WZ5R1BYDC"
NOTHING = {"cluster_id": "", "step_id": "", "stage": "", "duration_ms": None, "status": ""}


class Clock:
    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


def test_outside_a_delivery_there_is_nothing_to_say():
    trail = Trail()
    assert trail.fields() == NOTHING
    trail.begin(CLUSTER, STEP)
    trail.stage("log")
    trail.status("DIAGNOSED")
    trail.end()
    assert trail.fields() == NOTHING


def test_a_delivery_is_told_with_its_stage_its_status_and_the_time_since_it_began():
    clock = Clock()
    trail = Trail(clock)
    trail.begin(CLUSTER, STEP)
    ids = {"cluster_id": CLUSTER, "step_id": STEP}
    assert trail.fields() == {**ids, "stage": "", "duration_ms": 0, "status": RUNNING}
    clock.seconds += 1.2345
    trail.stage("excerpt")
    assert trail.fields() == {**ids, "stage": "excerpt", "duration_ms": 1234, "status": RUNNING}
    trail.status("PARSE_ERROR")
    assert trail.fields() == {**ids, "stage": "excerpt", "duration_ms": 1234, "status": "PARSE_ERROR"}


def test_a_delivery_inherits_nothing_from_the_one_before():
    clock = Clock()
    trail = Trail(clock)
    trail.begin(CLUSTER, STEP)
    trail.stage("verdict")
    trail.status("DIAGNOSED")
    clock.seconds += 5
    trail.begin("", "")
    assert trail.fields() == {**NOTHING, "duration_ms": 0, "status": RUNNING}


def test_a_clock_that_goes_back_gives_no_negative_duration():
    clock = Clock()
    trail = Trail(clock)
    trail.begin(CLUSTER, STEP)
    clock.seconds = 0
    assert trail.fields()["duration_ms"] == 0


@pytest.mark.parametrize("bad", ["hunter2", "j-abc", STEP + "x", "s-" + "A" * 99])
def test_an_id_of_another_form_is_not_told(bad):
    trail = Trail()
    trail.begin(bad, bad)
    assert (trail.fields()["cluster_id"], trail.fields()["step_id"]) == ("[REDACTED-ID]", "[REDACTED-ID]")


def test_a_reader_never_sees_half_of_two_deliveries():
    """Ids of a pair belong together, whoever reads while another writes."""
    trail, seen, done = Trail(), set(), threading.Event()

    def read():
        while not done.is_set():
            fields = trail.fields()
            seen.add((fields["cluster_id"], fields["step_id"], fields["status"] == ""))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(3000):
        trail.begin(f"j-{n % 2}", f"s-{n % 2}")
        trail.stage(str(n))
        trail.end()
    done.set()
    for reader in readers:
        reader.join()
    assert seen <= {("j-0", "s-0", False), ("j-1", "s-1", False), ("", "", True)}


def test_the_fields_are_those_of_a_stage_s_own_record():
    fields = StageRecord.__dataclass_fields__
    assert set(Trail().fields()) == {"cluster_id", "step_id", *fields} - {"suspects"}
