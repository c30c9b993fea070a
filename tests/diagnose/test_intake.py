"""Deliveries: diagnosed once, published before they are done, given back when something fails."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from deliveries import MOMENT, Archive, event, queued

from diagnose.event import read_deliveries
from diagnose.intake import Intake, serve
from diagnose.log import DirectoryStore, MemoryStore
from diagnose.pipeline import default_kit
from diagnose.repeat import MemoryRepeats
from diagnose.settings import Settings

EVENTS = Path(__file__).resolve().parents[1] / "events"


@pytest.fixture
def kit(tree, tmp_path):
    store = DirectoryStore(tree.driver(status=3).write(tmp_path))
    return replace(default_kit(Settings()), archive=Archive(store), now=lambda: MOMENT)


def served(payload, kit, repeats=None, **more):
    intake = Intake(kit=kit, repeats=MemoryRepeats() if repeats is None else repeats, **more)
    return [serve(delivery, intake) for delivery in read_deliveries(payload)]


def statuses(rows):
    return [row.diagnosis.status.value for row in rows]


def test_an_event_is_diagnosed_and_published_once(kit):
    published, repeats = [], MemoryRepeats()
    (first,) = served(event(), kit, repeats, publish=published.append)
    (second,) = served(event(ident="e-2"), kit, repeats, publish=published.append)
    assert statuses([first, second]) == ["DIAGNOSED", "IGNORED"]
    assert published == [first.diagnosis]
    assert second.diagnosis.cluster_id == "j-2AXTREE000001"


def test_a_direct_call_always_diagnoses(kit):
    repeats, call = MemoryRepeats(), {"clusterId": "j-2AXTREE000001", "stepId": "s-1AXTREE000001"}
    assert statuses([*served(call, kit, repeats), *served(call, kit, repeats)]) == ["DIAGNOSED", "DIAGNOSED"]


def test_the_records_of_a_queue_stand_for_themselves(kit):
    rows = served(queued(event(), {"nonsense": 1}, event(state="COMPLETED"), event()), kit)
    assert statuses(rows) == ["DIAGNOSED", "INVALID_EVENT", "IGNORED", "IGNORED"]


def test_what_could_not_be_published_can_be_delivered_again(kit):
    repeats, published = MemoryRepeats(), []

    def broken(_):
        raise ConnectionError("no bus")

    with pytest.raises(ConnectionError):
        served(queued(event()), kit, repeats, publish=broken)
    assert statuses(served(queued(event()), kit, repeats, publish=published.append)) == ["DIAGNOSED"]
    assert len(published) == 1


def test_late_logs_postpone_a_queued_event_and_nothing_is_published(kit):
    published, repeats = [], MemoryRepeats()
    early = replace(kit, archive=Archive(MemoryStore({})))
    (row,) = served(queued(event()), early, repeats, publish=published.append)
    assert (row.postponed, row.diagnosis, published) == (True, None, [])
    assert statuses(served(queued(event()), kit, repeats, publish=published.append)) == ["DIAGNOSED"]
    later = replace(early, now=lambda: MOMENT + timedelta(seconds=601))
    (row,) = served(queued(event(step="s-9OTHER")), later, repeats, publish=published.append)
    assert row.diagnosis.failure_type == "LOGS_UNAVAILABLE"


def test_whoever_can_t_wait_gets_what_is_there(kit):
    early = replace(kit, archive=Archive(MemoryStore({})))
    for payload, more in ((event(), {}), (queued(event(step="s-9OTHER")), {"patient": False})):
        (row,) = served(payload, early, **more)
        assert any("too early" in gap for gap in row.diagnosis.gaps)


@pytest.mark.parametrize("file", sorted(EVENTS.glob("*.json")), ids=lambda file: file.stem)
def test_whatever_is_delivered_every_record_ends_in_a_status(file, kit):
    rows = served(file.read_bytes(), kit, patient=False)
    assert rows
    assert all(row.diagnosis is not None for row in rows)
