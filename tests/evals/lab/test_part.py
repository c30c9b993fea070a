import hashlib

from evals.lab.part import Part, part
from evals.lab.scenario import SCENARIOS


def test_the_part_follows_from_the_id() -> None:
    for name in ("archive-load", "lock-guard", "tile-sums"):
        held = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 3 == 0
        assert part(name) is (Part.HELD_BACK if held else Part.TUNED)
    assert part("tile-sums") is Part.HELD_BACK
    assert part("lock-guard") is Part.TUNED


def test_a_third_is_held_back() -> None:
    held = sum(part(f"job-{number}") is Part.HELD_BACK for number in range(3000))
    assert 900 < held < 1100


def test_both_parts_have_scenarios_or_none_is_held_back_by_hand() -> None:
    assert {part(path.stem) for path in SCENARIOS.glob("*.toml")} == set(Part)
