from evals.triage.journal import Journal


def written(name: str) -> Journal:
    log = Journal(name, "a_job")
    log.begin()
    log.stage(0, "count")
    log.abort(1, "collect", "java.lang.IllegalStateException: no")
    log.end(1)
    return log


def test_the_same_name_gives_the_same_log_and_another_name_another() -> None:
    assert written("one").driver == written("one").driver
    assert written("one").driver != written("two").driver
    assert written("one").application != written("two").application


def test_time_never_runs_backwards() -> None:
    stamps = [line[:17] for line in written("one").driver if line[:2] == "26"]
    assert stamps == sorted(stamps)


def test_a_stage_names_each_of_its_tasks_once() -> None:
    finished = [line for line in written("one").driver if "Finished task" in line]
    assert [line.rpartition("(")[2] for line in finished] == [f"{n}/4)" for n in range(1, 5)]


def test_the_driver_says_how_it_ended_and_the_client_that_it_failed() -> None:
    log = written("one")
    assert any("Final app status: FAILED, exitCode: 1" in line for line in log.driver)
    assert f"Application {log.application} finished with failed status" in log.client()
