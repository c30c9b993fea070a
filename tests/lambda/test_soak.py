"""A small soak: five hundred failures with repeats, kills and failing calls; and what 100 MB of logs take of memory.

That the soak sees what it is there for is shown by tables of repeats that are wrong in one way each.
"""

import pytest

from benchmarks import invocation, soak, twin
from diagnose.repeat import Claim, Hold, MemoryRepeats

EVENTS = 500
SEED = 20261122


def run(duplicates=0.3, faults=0.03):
    around, tally = soak.soak(EVENTS, SEED, duplicates, faults)
    return around, tally, soak.judge(around, tally, EVENTS)


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """So that five hundred see as much as a hundred thousand do."""
    monkeypatch.setattr(twin, "KILLED_SHARE", 0.02)
    monkeypatch.setattr(soak, "TWICE_SHARE", 0.1)
    monkeypatch.setattr(soak, "INVALID_SHARE", 0.01)


def test_nothing_is_lost_or_published_twice_whatever_fails():
    around, tally, violations = run()
    assert violations == []
    assert set(around.published) == {1}
    assert set(around.failed) == {"table", "bus", "model", "metadata", "kill"}
    assert min(around.failed.values()) >= 5
    assert around.twice >= 20
    assert tally.repeated >= 50
    assert around.queue.dead == tally.invalid >= 1


class Forgetful(MemoryRepeats):
    """Knows nothing of what is done."""

    def settle(self, key, *, owner, done):
        super().settle(key, owner=owner, done=False)


class Unlocked(MemoryRepeats):
    """Gives work away that another is at."""

    def claim(self, key, *, owner):
        found = super().claim(key, owner=owner)
        return found if found.hold is Hold.DONE else Claim(Hold.OURS)


class Hasty(MemoryRepeats):
    """Takes what another is at for done."""

    def claim(self, key, *, owner):
        found = super().claim(key, owner=owner)
        return Claim(Hold.DONE) if found.hold is Hold.BUSY else found


def long_claims(clock, **more):
    """Claims outlive the visibility timeout, so that a killed one's message finds a claim that nobody will settle."""
    return Hasty(clock, claim_seconds=2 * twin.VISIBILITY_SECONDS, **more)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (Forgetful, "published more than once"),
        (Unlocked, "published more than once"),
        (long_claims, "failures were lost"),
    ],
)
def test_a_table_that_errs_is_seen(monkeypatch, table, told):
    monkeypatch.setattr(twin, "MemoryRepeats", table)
    _, _, violations = run()
    assert told in violations[0]
    lost = int(violations[0].split()[0])
    assert (lost > 0) == (table is long_claims)


def test_growth_is_a_violation():
    around, tally, _ = run(duplicates=0.0, faults=0.0)
    tally.rss_mib[-1] = tally.rss_mib[1] + soak.MAX_GROWTH_MIB + 1
    assert soak.judge(around, tally, EVENTS) == ["memory grew by 9.0 MiB after the warm-up"]


def test_a_diagnosis_of_a_hundred_megabytes_of_logs_stays_within_its_memory():
    """In a process of its own; how long it takes is not judged here."""
    (figures,) = invocation.rounds(100, SEED, 1)
    assert figures["status"] == "DIAGNOSED"
    assert figures["read_mb"] > 99
    assert figures["resident_mb"] <= invocation.MAX_RESIDENT_MB
