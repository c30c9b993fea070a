"""A run is consistent over all of its files, whatever ends it."""

import pytest

from evals.synthesis.ground import Ground, Language, Mode
from evals.synthesis.scene import Scene
from evals.synthesis.trace import Throwable

FAILURE = Throwable("app.Broken", "the thing", ("app.Part.go(Part.scala:3)",))


def stage(mode: Mode = "cluster", language: Language = "python", seed: str = "t") -> Scene:
    return Scene(Ground(seed, mode=mode, language=language))


def everything(scene: Scene) -> str:
    return "\n".join(stream.text for stream in scene.ground.streams.values())


def test_a_python_job_in_cluster_mode_says_the_cause_on_the_drivers_stdout() -> None:
    scene = stage()
    scene.start()
    scene.fail(FAILURE, call="save")
    assert ": app.Broken: the thing" in scene.driver_out.text
    assert "app.Broken" not in scene.client.text
    assert "Application diagnostics message: User application exited with status 1" in scene.client.text


def test_a_scala_job_in_cluster_mode_repeats_the_cause_at_the_client() -> None:
    scene = stage(language="scala")
    scene.start()
    scene.fail(FAILURE)
    assert "exitCode: 15, (reason: User class threw exception: app.Broken: the thing" in scene.driver.text
    assert "diagnostics: User class threw exception: app.Broken: the thing" in scene.client.text


def test_a_client_mode_driver_writes_to_the_step() -> None:
    scene = stage("client", "scala")
    scene.start()
    scene.fail(FAILURE)
    assert scene.driver is scene.client
    assert 'Exception in thread "main" app.Broken: the thing' in scene.client.text
    assert "Final app status: SUCCEEDED" in scene.master_log.text


@pytest.mark.parametrize("mode", ["cluster", "client"])
def test_four_failures_of_a_task_give_up_the_stage(mode: Mode) -> None:
    scene = stage(mode)
    scene.start()
    thrown = scene.fail_task(scene.begin_stage(tasks=4), FAILURE)
    assert "Task 3 in stage 0.0 failed 4 times; aborting job" in scene.driver.text
    assert thrown.message.startswith("Job aborted due to stage failure: Task 3 in stage 0.0 failed 4 times")
    assert everything(scene).count("ERROR Executor: Exception in task 3.") == 4


def test_a_survived_failure_is_followed_by_a_good_end() -> None:
    scene = stage()
    scene.start()
    scene.fail_task(scene.begin_stage(tasks=4), FAILURE, tries=2)
    assert "aborting job" not in scene.driver.text
    assert "Finished task 3.2 in stage 0.0" in scene.driver.text


def test_a_write_makes_the_run_unsafe_and_a_planned_one_does_not() -> None:
    scene = stage()
    scene.start()
    scene.write_begins()
    scene.healthy_stage(action="count")
    assert not scene.facts.wrote
    scene.write()
    assert scene.facts.wrote
    assert "Start to commit write Job" in scene.driver.text


def test_a_finished_task_of_a_writing_stage_is_a_write() -> None:
    scene = stage()
    scene.start()
    scene.run_tasks(scene.begin_stage(tasks=3, action="save"), 1)
    assert scene.facts.wrote


def test_a_lost_executor_is_told_by_allocator_driver_and_node() -> None:
    scene = stage("client")
    scene.start()
    lost = scene.executor(1)
    reason = scene.lose_executor(lost, status=137, stage=scene.begin_stage(tasks=2))
    assert "(state: COMPLETE, exit status: 137)" in scene.master_log.text
    assert f"Lost executor {lost.id} on {lost.host}: {reason}" in scene.driver.text
    assert lost not in scene.executors
    assert f"{lost.container} transitioned from RUNNING" in scene.node_manager(lost).text


def test_an_attempt_that_is_not_the_last_one_leaves_the_application_open() -> None:
    scene = stage()
    scene.expect_attempts()
    scene.start()
    drawn = scene.rng.random()
    scene.exit(1)
    assert "finished with failed status" not in scene.client.text
    scene.next_attempt()
    assert scene.rng.random() == drawn
    scene.start()
    scene.exit(1)
    assert scene.client.text.count("finished with failed status") == 1
    assert scene.client.text.count("Submitting application") == 1
    assert f"ApplicationAttemptId: {scene.ground.app_attempt}" in scene.driver.text
    assert scene.ground.app_attempt.endswith("_000002")


def test_a_kill_by_a_person_names_the_person() -> None:
    scene = stage()
    scene.start()
    scene.kill("mlange")
    assert "was killed by user mlange" in scene.client.text
    assert "USER=mlange" in scene.resource_manager.text
    assert scene.facts.ended


def test_a_master_that_dies_leaves_yarns_words_only() -> None:
    scene = stage()
    scene.start()
    scene.master_dies(137)
    assert "exitCode: 137" in scene.client.text
    assert "Final app status" not in scene.driver.text


def test_secrets_are_remembered_once() -> None:
    scene = stage()
    made = scene.secret()
    assert scene.facts.canaries == [made]


def test_removed_files_make_the_drivers_log_incomplete() -> None:
    scene = stage()
    scene.start()
    scene.remove("containers/")
    assert scene.facts.cut
    assert not [path for path in scene.ground.streams if path.startswith("containers/")]


@pytest.mark.parametrize("end", ["kill", "give up"])
def test_a_master_reports_one_final_status(end: str) -> None:
    scene = stage("client")
    scene.start()
    if end == "kill":
        scene.kill()
    else:
        scene.fail_master(11, "Max number of executor failures (4) reached")
    assert scene.master_log.text.count("Final app status") == 1
    assert "Shutdown hook called" in scene.master_log.text


def test_a_second_attempt_that_never_gets_a_context_does_not_stop_one() -> None:
    scene = stage()
    scene.expect_attempts()
    scene.start()
    scene.exit(1)
    scene.next_attempt()
    scene.start_master()
    scene.fail_master(13, "Uncaught exception: no context")
    assert "Successfully stopped SparkContext" not in scene.driver.text
