"""Task events: lost, survived, fatal."""

from diagnose.task import TaskBook, TaskRef, task_of

SCOPE = ("application_1_0001", 1)
LOST = "26/11/22 07:00:01 WARN TaskSetManager: Lost task 3.0 in stage 2.0 (TID 17) (h executor 1): java.io.IOException: x"
DONE = "26/11/22 07:00:03 INFO TaskSetManager: Finished task 3.1 in stage 2.0 (TID 21) in 90 ms on h (executor 2) (4/4)"
ABORT = "26/11/22 07:00:03 ERROR TaskSetManager: Task 3 in stage 2.0 failed 4 times; aborting job"


def book(*lines, scope=SCOPE):
    tasks = TaskBook()
    for line in lines:
        tasks.note(scope, line)
    return tasks


def test_a_task_that_a_later_attempt_finished_has_survived():
    tasks = book(LOST, DONE)
    assert tasks.has_survived(SCOPE, TaskRef(2, 3))
    assert not tasks.is_fatal(SCOPE, TaskRef(2, 3))


def test_spark_2_names_host_and_executor_beside_the_tid():
    old = LOST.replace("(TID 17) (h executor 1)", "(TID 17, h, executor 1)")
    assert task_of(old) == task_of(LOST) == TaskRef(2, 3)
    assert book(old, ABORT).is_fatal(SCOPE, TaskRef(2, 3))


def test_a_stage_retry_counts_as_survival_too():
    assert book(LOST, DONE.replace("stage 2.0", "stage 2.1")).has_survived(SCOPE, TaskRef(2, 3))


def test_a_task_of_an_aborted_stage_is_fatal_in_its_own_attempt_only():
    tasks = book(LOST, ABORT)
    assert tasks.is_fatal(SCOPE, TaskRef(2, 3))
    assert not tasks.is_fatal(("application_1_0001", 2), TaskRef(2, 3))


def test_finished_tasks_that_were_never_lost_cost_no_memory():
    tasks = book(*[DONE.replace("task 3", f"task {i}") for i in range(1000)])
    assert not tasks.survived
    assert not tasks.lost


def test_the_executor_s_and_the_driver_s_line_name_the_same_task():
    raised = "26/11/22 07:00:01 ERROR Executor: Exception in task 3.0 in stage 2.0 (TID 17)"
    assert task_of(raised) == task_of(LOST) == TaskRef(2, 3)
    assert task_of(DONE) is None
