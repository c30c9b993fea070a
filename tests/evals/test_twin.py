from evals.twin import MIN_LINES, NEAR_SHARE, Fingerprints

LINES = [f"step {word} done" for word in "abcdefghijklmnopqrstuvwxyz"]


def twins(*cases: tuple[str, list[list[str]]]) -> list[tuple[int, int, bool]]:
    prints = Fingerprints()
    for key, (cluster, files) in enumerate(cases):
        prints.add(key, cluster, files)
    return [(twin.first, twin.second, twin.identical) for twin in prints.twins()]


def test_the_same_lines_in_files_of_another_order_are_one_case_twice() -> None:
    assert twins(("a", [LINES, ["x"]]), ("a", [["x"], LINES, []])) == [(0, 1, True)]


def test_new_times_and_ids_make_no_new_case() -> None:
    first = [f"26/11/22 09:0{n % 10}:11 {line} TID 1{n}" for n, line in enumerate(LINES)]
    second = [f"27/01/03 17:4{n % 10}:59 {line} TID 7{n}" for n, line in enumerate(LINES)]
    assert twins(("a", [first]), ("b", [second])) == [(0, 1, False)]
    assert twins(("a", [first]), ("a", [second])) == [], "cases of one cluster are known to be alike"


def test_another_cause_makes_another_case() -> None:
    changed = [*LINES[:-2], "cause one", "cause two"]
    assert len(set(LINES) & set(changed)) / len(set(LINES) | set(changed)) < NEAR_SHARE
    assert twins(("a", [LINES]), ("b", [changed])) == []


def test_cases_without_text_or_with_little_are_no_twins() -> None:
    assert twins(("a", [[""]]), ("b", [[""]])) == []
    assert twins(("a", [LINES[: MIN_LINES - 2]]), ("b", [[*LINES[: MIN_LINES - 2], "7"]])) == []
