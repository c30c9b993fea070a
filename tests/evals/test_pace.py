import pytest

from evals.pace import per_minute


@pytest.mark.parametrize(("limit", "gap"), [(60, 1.0), (30, 2.0), (0.5, 120.0)])
def test_questions_are_spread_evenly(limit: float, gap: float) -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    wait = per_minute(limit, clock=lambda: now[0], sleep=sleep)
    for _ in range(3):
        wait()
    assert slept == [gap, gap]


def test_time_that_went_by_is_not_waited_for_nor_saved_up() -> None:
    now, slept = [0.0], []
    wait = per_minute(60, clock=lambda: now[0], sleep=slept.append)
    wait()
    now[0] = 10.0
    wait()
    assert slept == []
    wait()
    assert slept == [1.0]
