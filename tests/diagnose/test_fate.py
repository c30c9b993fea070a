"""What a run survived, what it still waited for, and what took an attempt away from outside."""

import gzip

import pytest

from diagnose.pipeline import run_logs
from diagnose.task import aborted_stage
from diagnose.taxonomy import FailureType
from tests.conftest import APP, STEP_STDERR, traceback

NODE_GONE = f"""\
26/11/22 07:00:05 INFO Client: Application report for {APP} (state: ACCEPTED)
26/11/22 07:00:05 INFO Client:
\t client token: N/A
\t diagnostics: AM Container for appattempt_1795331436133_0007_000001 exited with  exitCode: -100
Failing this attempt.Diagnostics: Container released on a *lost* node
\t final status: UNDEFINED
"""
RUNS = f"""\
26/11/22 07:00:09 INFO Client: Application report for {APP} (state: RUNNING)
26/11/22 07:00:09 INFO Client:
\t client token: N/A
\t diagnostics: N/A
\t final status: UNDEFINED
"""
WAITS = RUNS.replace("RUNNING", "ACCEPTED").replace(
    "diagnostics: N/A",
    "diagnostics: [Sun Nov 22 07:00:09 +0000 2026] Application is Activated, waiting for resources to be assigned for AM.",
)
EXISTS = "pyspark.sql.utils.AnalysisException: [PATH_ALREADY_EXISTS] Path hdfs://h:8020/out already exists."
HTTP_503 = "urllib.error.HTTPError: HTTP Error 503: Service Unavailable"
UNKNOWN_TRACE = traceback("acme.ledger.LedgerStateFault: period sealed")


@pytest.fixture
def verdict(tree, tmp_path):
    return lambda: run_logs(tree.write(tmp_path)).diagnosis


def _begun(attempt):
    return f"26/11/22 07:00:0{attempt} INFO SparkContext: Running Spark version 3.5.7\n"


def _lost(stage, tried, error, second):
    return (
        f"26/11/22 07:00:{second:02d} WARN TaskSetManager: Lost task 0.{tried} in stage {stage}.0 (TID {stage * 10 + tried}) "
        f"(ip-10-0-2-10.ec2.internal executor 1): {error}\n\tat com.acme.Job.run(Job.scala:7)\n"
    )


def _aborted(stage, error, second):
    lost = "".join(_lost(stage, tried, error, second) for tried in range(4))
    return (
        f"{lost}26/11/22 07:00:{second:02d} ERROR TaskSetManager: Task 0 in stage {stage}.0 failed 4 times; aborting job\n"
        f"26/11/22 07:00:{second:02d} INFO DAGScheduler: ResultStage {stage} (count at Job.scala:7) failed in 2 s due to "
        f"Job aborted due to stage failure: Task 0 in stage {stage}.0 failed 4 times, most recent failure: Lost task 0.3 "
        f"in stage {stage}.0 (TID {stage * 10 + 3}) (ip-10-0-2-10.ec2.internal executor 1): {error}\n"
    )


def test_a_node_lost_under_the_first_attempt_does_not_hide_the_second_s_own_end(tree, verdict):
    tree.container(1, "stderr", _begun(1)).driver(
        attempt=2, stdout=traceback("NameError: name 'frame' is not defined")
    )
    tree.step("stderr", NODE_GONE + RUNS + STEP_STDERR)
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.CODE_ERROR
    assert "left behind" not in diagnosis.root_cause
    assert any("*lost* node" in row.text for row in diagnosis.ruled_out)


def test_an_exception_nobody_knows_wins_over_a_survived_loss_too(tree, verdict):
    tree.container(1, "stderr", _begun(1)).driver(attempt=2, stdout=UNKNOWN_TRACE)
    tree.step("stderr", NODE_GONE + RUNS + STEP_STDERR)
    assert verdict().failure_type is FailureType.UNCLASSIFIED


def test_a_transient_end_after_a_lost_first_attempt_is_not_safe(tree, verdict):
    tree.container(1, "stderr", _begun(1)).driver(attempt=2, stdout=traceback(HTTP_503))
    tree.step("stderr", NODE_GONE + RUNS + STEP_STDERR)
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.SERVICE_UNREACHABLE
    assert not diagnosis.safe_to_retry


def test_a_lost_first_attempt_counts_where_the_second_only_met_its_leftovers(tree, verdict):
    gone = _aborted(
        1, "ExecutorLostFailure (executor 1 exited) Reason: Container released on a *lost* node", 6
    )
    tree.driver(gone).driver(attempt=2, stdout=traceback(EXISTS))
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.NODE_LOST
    assert "left behind" in diagnosis.root_cause


def test_what_a_later_attempt_failed_on_is_not_called_a_leftover_without_reason(tree, verdict):
    tree.driver(stdout=traceback(HTTP_503))
    tree.driver(attempt=2, stdout=traceback("NameError: name 'frame' is not defined"))
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.SERVICE_UNREACHABLE
    assert "Attempt 2 then failed on something else" in diagnosis.root_cause
    assert not diagnosis.safe_to_retry


def test_an_application_that_waits_to_the_end_of_the_log_had_no_room(tree, verdict):
    tree.step("stderr", WAITS + "26/11/22 08:00:09 INFO ShutdownHookManager: Shutdown hook called\n")
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.INSUFFICIENT_CAPACITY
    assert not diagnosis.safe_to_retry


def test_a_wait_that_ended_explains_nothing(tree, verdict):
    tree.driver("", status=3)
    tree.step("stderr", WAITS + RUNS + STEP_STDERR.replace("status 1\n", "status 3\n"))
    assert verdict().failure_type is FailureType.UNEXPLAINED_EXIT


def _starving(*times):
    words = "WARN YarnScheduler: Initial job has not accepted any resources; check your cluster UI"
    return "".join(f"26/11/22 07:{time} {words}\n" for time in times)


@pytest.mark.parametrize(
    "last", ["TimeoutError: nothing done in time", "RuntimeError: given up after an hour"]
)
def test_a_driver_whose_tasks_nobody_ever_took_had_no_room(tree, verdict, last):
    tree.driver(_starving("00:05", "00:09", "00:12"), stdout=traceback(last))
    assert verdict().failure_type is FailureType.INSUFFICIENT_CAPACITY


def test_a_driver_that_got_its_executors_late_did_not_starve(tree, verdict):
    went_on = "".join(
        f"26/11/22 07:{minute}:00 INFO DAGScheduler: Submitting 3 missing tasks\n" for minute in range(10, 20)
    )
    tree.driver(_starving("00:05", "00:09") + went_on, stdout=traceback("RuntimeError: stopped by the check"))
    assert verdict().failure_type is not FailureType.INSUFFICIENT_CAPACITY


def test_a_stage_that_the_job_did_without_is_not_what_ended_it(tree, verdict):
    first = _aborted(1, "java.util.NoSuchElementException: key not found: 2019", 6)
    last = _aborted(4, "java.io.IOException: No space left on device", 12)
    tree.driver(
        first + last,
        stdout=traceback("RuntimeError: Job aborted due to stage failure: Task 0 in stage 4.0 failed"),
    )
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.DISK_FULL
    assert any("key not found" in row.text and "went on" in row.reason for row in diagnosis.ruled_out)


def test_a_preempted_executor_is_not_the_end_when_the_tasks_failed_on_something_else(tree, verdict):
    taken = (
        "26/11/22 07:00:05 ERROR YarnScheduler: Lost executor 7 on ip-10-0-2-10.ec2.internal: Container marked as failed: "
        "container_1795331436133_0007_01_000009 on host: ip-10-0-2-10.ec2.internal. Exit status: -102. "
        "Diagnostics: Container preempted by scheduler\n"
    )
    tree.driver(taken + _aborted(4, "java.io.IOException: No space left on device", 12), status=15)
    assert verdict().failure_type is FailureType.DISK_FULL


def test_four_failures_of_a_task_count_where_no_driver_tells(tree, verdict):
    error = "org.apache.spark.SparkException: x\nCaused by: java.io.IOException: No space left on device\n"
    for tried in range(4):
        tree.container(
            tried + 2, "stderr",
            f"26/11/22 07:00:0{tried} ERROR Executor: Exception in task 2.{tried} in stage 4.0 (TID {tried})\n{error}",
        )  # fmt: skip
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.DISK_FULL
    assert not diagnosis.safe_to_retry


def test_without_the_driver_s_log_nothing_is_called_unexplained(tree, verdict):
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.LOGS_UNAVAILABLE
    assert not diagnosis.safe_to_retry


SKEW = "26/11/22 07:00:05 INFO LedgerJoin: heaviest key of customer_id is 0 with 91.5 % of the rows\n"


def test_what_a_job_says_of_its_keys_explains_a_task_without_memory(tree, verdict):
    tree.driver(SKEW + _aborted(4, "java.lang.OutOfMemoryError: Java heap space", 12))
    assert verdict().failure_type is FailureType.DATA_SKEW


@pytest.mark.parametrize("stream", ["stderr", "stdout"])
def test_what_a_job_says_of_its_keys_explains_nothing_else(tree, verdict, stream):
    tree.driver(SKEW if stream == "stderr" else "", stdout=SKEW if stream == "stdout" else "", status=3)
    assert verdict().failure_type is FailureType.UNEXPLAINED_EXIT


def test_a_driver_log_that_breaks_off_inside_a_trace_is_not_whole(tree, verdict):
    tree.driver(stdout=traceback(HTTP_503))
    name = next(n for n in tree.files if "_01_000001/stderr" in n)
    text = gzip.decompress(tree.files[name]).decode().split("26/11/22 07:00:21 INFO ShutdownHookManager")[0]
    whole = verdict()
    for end, reason in (("\n", "stack trace"), ("\n\tat org.apa", "middle of a line")):
        tree.files[name] = gzip.compress(f"{text}\tat com.acme.Job.run(Job.scala:7){end}".encode())
        cut = verdict()
        assert not cut.safe_to_retry
        assert reason in cut.retry_reason
    assert whole.safe_to_retry


def test_the_cause_stands_first_though_its_line_tells_of_a_write_too(tree, verdict):
    tree.driver(
        stdout=traceback(
            "botocore.exceptions.ClientError: An error occurred (AccessDenied) when calling the PutObject operation: Access Denied"
        )
    )
    diagnosis = verdict()
    assert diagnosis.evidence[0].role == "cause"


@pytest.mark.parametrize(
    ("line", "stage"),
    [
        (
            "x: Job aborted due to stage failure: Task 8 in stage 5.0 failed 4 times, most recent failure: y",
            5,
        ),
        (
            "Job aborted due to stage failure: ResultStage 12 (collect at A.scala:3) has failed the maximum allowable",
            12,
        ),
        (
            "Job aborted due to stage failure: However, Spark cannot rollback the ResultStage 7 to re-process the input",
            7,
        ),
        ("Job aborted due to stage failure: Total size of serialized results is bigger than allowed", None),
        ("Task 8 in stage 5.0 failed 4 times; aborting job", None),
    ],
)
def test_the_stage_that_a_job_was_aborted_over_is_read(line, stage):
    assert aborted_stage(line) == stage
