from collections.abc import Callable

from evals.case import Case
from evals.census import count, render_table

Build = Callable[..., Case]


def test_a_census_counts_labels(case: Build) -> None:
    cases = [
        case(case_id="a", cluster="one", canaries=["made-up-1", "made-up-2"], triage_label="SOURCE_DELAY"),
        case(case_id="b", cluster="one", safe_to_retry=False, accept=["UNKNOWN"], difficulty="hard"),
        case(case_id="c", cluster="two", origin="synthetic"),
    ]
    census = count("set", cases, sha256="ab" * 32, size_bytes=12_345)
    assert (census.cases, census.clusters, census.safe, census.leaky, census.canaries) == (3, 2, 2, 1, 2)
    assert (census.triaged, census.ambiguous) == (1, 1)
    assert census.origins == {"lab": 2, "synthetic": 1}
    assert census.difficulties == {"easy": 2, "medium": 0, "hard": 1}
    assert sum(census.categories.values()) == 3
    assert len(census.categories) == 6


def test_the_table_has_a_column_per_dataset_and_is_aligned(case: Build) -> None:
    one = count("one", [case()], sha256="0" * 64, size_bytes=0)
    other = count("a-longer-name", [], sha256="1" * 64, size_bytes=1_000_000)
    lines = render_table([one, other]).splitlines()
    assert [cell.strip() for cell in lines[0].split("|")[2:4]] == ["one", "a-longer-name"]
    assert len({len(line) for line in lines}) == 1
    (cases,) = [line for line in lines if line.startswith("| cases ")]
    assert [cell.strip() for cell in cases.split("|")[2:4]] == ["1", "0"]


def test_no_dataset_gives_no_table() -> None:
    assert render_table([]) == ""
