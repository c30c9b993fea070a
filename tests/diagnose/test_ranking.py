"""What the ranking must get right, each shown on a whole tree."""

import pytest

from diagnose.pipeline import run_logs
from diagnose.taxonomy import FailureType

REFUSED = "ConnectionRefusedError: [Errno 111] Connection refused"


@pytest.fixture
def verdict(tree, tmp_path):
    return lambda: run_logs(tree.write(tmp_path)).diagnosis


def _traceback(last):
    return f'Traceback (most recent call last):\n  File "/home/hadoop/job.py", line 8, in <module>\n    main()\n{last}\n'


def _lost(index, attempt, tid, error, at="07:00:05"):
    return (
        f"26/11/22 {at} WARN TaskSetManager: Lost task {index}.{attempt} in stage 2.0 (TID {tid}) "
        f"(ip-10-0-2-10.ec2.internal executor 1): {error}\n\tat org.apache.spark.X.y(X.scala:1)\n"
    )


def test_the_cause_wins_over_its_wrapper(tree, verdict):
    tree.driver(
        stdout=_traceback(
            "py4j.protocol.Py4JJavaError: An error occurred while calling o66.collectToPython.\n"
            ": org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times\n"
            "\tat org.apache.spark.scheduler.DAGScheduler.x(DAGScheduler.scala:1)\n"
            "Caused by: java.io.IOException: No space left on device"
        )
    )
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.DISK_FULL
    assert diagnosis.log_evidences[0] == "Caused by: java.io.IOException: No space left on device"


def test_the_kill_wins_over_its_symptoms_though_it_is_only_a_warning(tree, verdict):
    kill = (
        "26/11/22 07:00:05 WARN YarnAllocator: Container killed by YARN for exceeding physical memory limits. "
        "5.6 GB of 5.5 GB physical memory used. Consider boosting spark.executor.memoryOverhead."
    )
    lost = "ExecutorLostFailure (executor 1 exited caused by one of the running tasks) Reason: Container marked as failed"
    tree.driver(
        f"{kill}\n" + _lost(0, 3, 7, lost)
        + "26/11/22 07:00:06 ERROR TaskSetManager: Task 0 in stage 2.0 failed 4 times; aborting job\n",
        stdout=_traceback(f"py4j.protocol.Py4JJavaError: An error occurred while calling o1.x.\n: {lost}"),
    )  # fmt: skip
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.CONTAINER_MEMORY_KILL
    assert "5.5 GB" in diagnosis.root_cause
    assert diagnosis.log_evidences[0] == kill


def test_a_task_failure_that_a_retry_survived_is_ruled_out(tree, verdict):
    tree.driver(
        _lost(3, 0, 17, "java.io.IOException: No space left on device")
        + "26/11/22 07:00:07 INFO TaskSetManager: Finished task 3.1 in stage 2.0 (TID 21) in 9 ms on h (4/4)\n",
        stdout=_traceback("NameError: name 'frame' is not defined"),
    )
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.CODE_ERROR
    assert any("No space left" in row.text and "succeeded" in row.reason for row in diagnosis.ruled_out)


def test_the_first_attempt_wins_over_what_the_last_one_failed_on(tree, verdict):
    tree.driver(stdout=_traceback(REFUSED))
    tree.driver(
        attempt=2,
        stdout=_traceback(
            "pyspark.errors.exceptions.captured.AnalysisException: [PATH_ALREADY_EXISTS] "
            'Path hdfs://h:8020/out already exists. Set mode as "overwrite" to overwrite the existing path.'
        ),
    )
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.SERVICE_UNREACHABLE
    assert diagnosis.evidence[0].attempt == 1


def test_a_quiet_early_cause_wins_over_loud_late_noise(tree, verdict):
    noise = "".join(
        f"26/11/22 07:00:20 ERROR Utils: Uncaught exception in thread pool-{i}\njava.io.IOException: Filesystem closed\n"
        "26/11/22 07:00:20 ERROR TransportRequestHandler: Error sending result to /10.0.0.5\n"
        for i in range(200)
    )
    tree.driver(stdout=_traceback(REFUSED))
    tree.container(1, "stderr", _driver_then(noise))
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.SERVICE_UNREACHABLE


def _driver_then(noise):
    start = (
        "26/11/22 07:00:02 INFO ApplicationMaster: Starting the user application in a separate Thread\n"
        "26/11/22 07:00:02 INFO SparkContext: Running Spark version 3.5.7\n"
        "26/11/22 07:00:19 ERROR ApplicationMaster: User application exited with status 1\n"
        "26/11/22 07:00:19 INFO SparkContext: Invoking stop() from shutdown hook\n"
    )
    return start + noise + "26/11/22 07:00:21 INFO ShutdownHookManager: Shutdown hook called\n"


def test_a_handled_exception_before_the_real_one_is_ruled_out(tree, verdict):
    tree.driver(
        stdout=_traceback(REFUSED) + "cache not reachable, going on\n" + _traceback("KeyError: 'amount'")
    )
    diagnosis = verdict()
    assert diagnosis.log_evidences[0] == "KeyError: 'amount'"
    assert any(row.text == REFUSED and "handled" in row.reason for row in diagnosis.ruled_out)


def test_137_is_the_heap_s_when_hotspot_said_so(tree, verdict):
    tree.driver(_executor_lost(137))
    tree.container(
        2,
        "stdout",
        '#\n# java.lang.OutOfMemoryError: Java heap space\n# -XX:OnOutOfMemoryError="kill -9 %p"\n'
        '#   Executing /bin/sh -c "kill -9 4242"...\n',
    )
    assert verdict().failure_type is FailureType.EXECUTOR_OOM


def test_137_is_yarn_s_when_the_node_manager_said_so(tree, verdict):
    tree.driver(_executor_lost(137))
    tree.daemon(
        "nodemanager",
        "2026-11-22 07:00:05,412 WARN org.apache.hadoop.yarn.server.nodemanager.containermanager.monitor."
        "ContainersMonitorImpl (Container Monitor): Container [pid=1,containerID=container_1795331436133_0007_01_000002] "
        "is running 55689216B beyond the 'PHYSICAL' memory limit. Current usage: 949.1 MB of 896 MB physical memory used; "
        "4.0 GB of 1.8 GB virtual memory used. Killing container.\n",
    )
    assert verdict().failure_type is FailureType.CONTAINER_MEMORY_KILL


def _executor_lost(code):
    reason = (
        "Container from a bad node: container_1795331436133_0007_01_000002 on host: ip-10-0-2-10.ec2.internal. "
        f"Exit status: {code}. Diagnostics: [2026-11-22 07:00:05.710]Container killed on request. Exit code is {code}"
    )
    return (
        f"26/11/22 07:00:05 WARN YarnAllocator: {reason}\n"
        f"26/11/22 07:00:05 ERROR YarnClusterScheduler: Lost executor 1 on ip-10-0-2-10.ec2.internal: {reason}\n"
        + _lost(
            0,
            3,
            7,
            f"ExecutorLostFailure (executor 1 exited caused by one of the running tasks) Reason: {reason}",
        )
        + "26/11/22 07:00:06 ERROR TaskSetManager: Task 0 in stage 2.0 failed 4 times; aborting job\n"
    )


def test_137_alone_is_not_called_a_memory_kill(tree, verdict):
    tree.driver(_executor_lost(137))
    diagnosis = verdict()
    assert diagnosis.category == "UNKNOWN"
    assert not diagnosis.safe_to_retry


def test_an_exit_code_alone_is_unexplained_and_shown(tree, verdict):
    tree.driver(status=3)
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.UNEXPLAINED_EXIT
    assert any("status 3" in text or "exitCode: 3" in text for text in diagnosis.log_evidences)


def test_nothing_at_all_is_unknown(tree, verdict):
    tree.files.clear()
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.LOGS_UNAVAILABLE
    assert diagnosis.gaps


def test_an_exception_nobody_knows_is_unclassified_and_quoted(tree, verdict):
    tree.driver(stdout=_traceback("acme.ledger.LedgerStateFault: period 2026-10 is sealed"))
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.UNCLASSIFIED
    assert "period 2026-10 is sealed" in diagnosis.root_cause
    assert diagnosis.confidence < 0.8


def test_containers_of_other_applications_are_not_read(tree, verdict):
    tree.driver(status=3)
    tree.container(1, "stdout", _traceback(REFUSED), app="application_1795331436133_0008")
    tree.container(1, "stderr", "26/11/22 07:00:05 ERROR X: boom\n", app="application_1795331436133_0008")
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.UNEXPLAINED_EXIT
    assert not any("0008" in item.file for item in diagnosis.evidence)


@pytest.mark.parametrize(
    "line",
    [
        "0 errors, 12 rows in table exceptions_daily, column error_code",
        "writing report to hdfs:///reports/FAILED/2026-11-22 with failOnError=false",
        "spark.task.maxFailures=4 log4j.appender.ErrorHandler=org.acme.ErrorHandler",
        "bootstrap action 1 failed with non-zero exit code: i-0abc: failed to start.",
        "26/11/22 07:00:04 WARN Utils: Service 'SparkUI' could not bind on port 4040. Attempting port 4041.",
        "26/11/22 07:00:04 WARN ObjectStore: Failed to get database global_temp, returning NoSuchObjectException",
        "26/11/22 07:00:04 INFO RetryInvocationHandler: java.net.ConnectException: Call From a/10.0.0.1 to b:8020 failed "
        "on connection exception: java.net.ConnectException: Connection refused, while invoking. Retrying after 1s.",
    ],
)
def test_business_words_and_healthy_warnings_are_no_cause(tree, verdict, line):
    tree.driver(f"{line}\n", stdout=f"{line}\n" + "row\n" * 40, status=3)
    assert verdict().category == "UNKNOWN"


HTTP_503 = "urllib.error.HTTPError: HTTP Error 503: Service Unavailable"
LOST_NODE = (
    "26/11/22 07:00:05 WARN YarnAllocator: Container from a bad node: container_1795331436133_0007_01_000002 on host: "
    "ip-10-0-2-10.ec2.internal. Exit status: -100. Diagnostics: Container released on a *lost* node.\n"
)


@pytest.mark.parametrize(
    ("last", "status"),
    [(_traceback("acme.ledger.LedgerStateFault: period sealed"), 1), ("14 duplicate keys: stopping\n", 2)],
)
def test_a_survived_lost_node_is_not_the_end_of_the_run(tree, verdict, last, status):
    tree.driver(LOST_NODE + "26/11/22 07:00:06 INFO DAGScheduler: healthy\n" * 50, stdout=last, status=status)
    diagnosis = verdict()
    assert diagnosis.category == "UNKNOWN"
    assert not diagnosis.safe_to_retry


def test_a_logged_and_handled_error_is_neither_sure_nor_safe(tree, verdict):
    handled = "26/11/22 07:00:05 ERROR RatesCache: rates cache not reachable, using yesterday's\n"
    tree.driver(
        handled + "java.net.ConnectException: Connection refused (Connection refused)\n"
        + "26/11/22 07:00:06 INFO RatesCache: going on\n" * 300,
        status=3,
    )  # fmt: skip
    diagnosis = verdict()
    assert diagnosis.confidence < 0.8
    assert not diagnosis.safe_to_retry


def test_the_exception_that_the_application_master_names_ends_a_scala_driver(tree, verdict):
    tree.driver(
        "26/11/22 07:00:05 ERROR RatesCache: not reachable\njava.net.ConnectException: Connection refused\n"
        "26/11/22 07:00:09 ERROR ApplicationMaster: User class threw exception: com.acme.LedgerSealedFault: 2026-10 is sealed\n"
        "\tat com.acme.Ledger.main(Ledger.scala:7)\n",
        status=15,
    )
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.UNCLASSIFIED
    assert "2026-10 is sealed" in diagnosis.root_cause


def test_a_printed_traceback_after_which_the_job_went_on_is_not_safe(tree, verdict):
    went_on = "".join(f"2026-11-22 07:00:{i:02d},000 INFO job chunk {i} checked\n" for i in range(60))
    tree.driver(stdout=_traceback(REFUSED) + went_on, status=3)
    diagnosis = verdict()
    assert diagnosis.confidence < 0.8
    assert not diagnosis.safe_to_retry


@pytest.mark.parametrize(
    "text",
    [
        'row 7: Exception in thread "main" java.net.SocketTimeoutException: Read timed out',
        "| diagnostics: java.net.SocketTimeoutException: Read timed out |",
        "|  1|java.lang.OutOfMemoryError: Java heap space|",
    ],
)
def test_printed_rows_are_not_the_end_of_the_run(tree, verdict, text):
    tree.driver(stdout=f"{text}\n" + "another row\n" * 60, status=3)
    assert verdict().category == "UNKNOWN"


@pytest.mark.parametrize(
    ("line", "category"),
    [
        ("KeyError: 'java.lang.OutOfMemoryError: Java heap space'", "CONFIGURATION_ERROR"),
        ("AssertionError: 14 rows contain 'urllib.error.HTTPError: HTTP Error 503: x'", "DATA_QUALITY"),
    ],
)
def test_a_value_that_a_message_quotes_is_data(tree, verdict, line, category):
    tree.driver(stdout=_traceback(line))
    diagnosis = verdict()
    assert diagnosis.category in (category, "DATA_QUALITY", "UNKNOWN")
    assert not diagnosis.safe_to_retry


def test_a_handler_s_own_failure_does_not_make_the_original_safe(tree, verdict):
    original = _traceback("acme.ledger.LedgerSealedFault: period 2026-10 is sealed")
    chain = "\nDuring handling of the above exception, another exception occurred:\n\n"
    tree.driver(stdout=original + chain + _traceback(HTTP_503))
    assert not verdict().safe_to_retry


def test_suppressed_exceptions_are_no_causes(tree, verdict):
    tree.driver(
        "26/11/22 07:00:09 ERROR ApplicationMaster: User class threw exception: com.acme.LedgerSealedFault: sealed\n"
        "\tat com.acme.Ledger.main(Ledger.scala:7)\n\tSuppressed: java.net.SocketTimeoutException: Read timed out\n",
        status=15,
    )
    diagnosis = verdict()
    assert diagnosis.category == "UNKNOWN"
    assert not diagnosis.safe_to_retry


def test_an_earlier_application_s_failure_is_not_the_step_s_for_sure(tree, verdict):
    later = "application_1795331436133_0008"
    tree.driver(stdout=_traceback(HTTP_503))
    tree.container(1, "stdout", _traceback("acme.ledger.LedgerSealedFault: sealed"), app=later)
    tree.container(
        1, "stderr", "26/11/22 07:01:00 INFO SparkContext: Running Spark version 3.5.7\n", app=later
    )
    tree.step("syslog", f"26/11/22 07:01:00 INFO YarnClientImpl: Submitted application {later}\n")
    assert not verdict().safe_to_retry


def test_attempts_that_ended_differently_are_not_safe(tree, verdict):
    tree.driver(stdout=_traceback(HTTP_503))
    tree.driver(attempt=2, stdout="14 duplicates\n", status=3)
    diagnosis = verdict()
    assert not diagnosis.safe_to_retry


def test_a_task_lost_again_after_its_stage_was_retried_is_fatal(tree, verdict):
    tree.driver(
        _lost(3, 0, 17, "java.net.SocketTimeoutException: Read timed out")
        + "26/11/22 07:00:06 INFO TaskSetManager: Finished task 3.1 in stage 2.0 (TID 21) in 9 ms on h (4/4)\n"
        + "".join(
            _lost(3, n, 30 + n, "java.io.IOException: No space left on device", at="07:00:08")
            for n in range(4)
        )
        + "26/11/22 07:00:09 ERROR TaskSetManager: Task 3 in stage 2.1 failed 4 times; aborting job\n",
    )
    assert verdict().failure_type is FailureType.DISK_FULL


def test_a_node_s_trouble_of_hours_before_explains_nothing(tree, verdict):
    tree.driver(_executor_lost(137))
    tree.daemon(
        "nodemanager",
        "2026-11-22 01:00:00,000 WARN org.apache.hadoop.yarn.server.nodemanager.DirectoryCollection (Disk): Directory "
        "/mnt/yarn error, used space above threshold of 90.0%, removing from list of valid directories\n",
    )
    assert verdict().category == "UNKNOWN"


def test_an_exception_class_of_any_name_is_quoted(tree, verdict):
    tree.driver(stdout=_traceback("acme.orders.Rejected: the partner refused batch 12"))
    diagnosis = verdict()
    assert diagnosis.log_evidences[0] == "acme.orders.Rejected: the partner refused batch 12"


def test_the_job_s_last_words_are_shown_when_nothing_else_explains(tree, verdict):
    words = "26/11/22 07:00:07 ERROR LedgerJob: row counts differ: expected 100, got 90; stopping"
    tree.driver(words + "\n", status=2)
    diagnosis = verdict()
    assert words in diagnosis.log_evidences
    assert diagnosis.confidence < 0.8


@pytest.mark.parametrize("entry", ["main(sys.argv[1])", 'main(os.environ["ENV"])'])
def test_an_entry_line_is_not_blamed_for_what_it_called(tree, verdict, entry):
    tree.driver(
        stdout=f'Traceback (most recent call last):\n  File "job.py", line 9, in <module>\n    {entry}\n'
        '  File "job.py", line 4, in main\n    convert(rows)\nacme.Rejected: no\n'
    )
    assert verdict().failure_type is not FailureType.INVALID_SETTING


def test_what_the_job_had_caught_stands_beside_its_own_summary(tree, verdict):
    denied = "PermissionError: [Errno 13] Permission denied: '/data/finance'"
    tree.driver(
        stdout=f"mirror finance\n{_traceback(denied)}mirror registry\n{_traceback(REFUSED)}"
        f"{_traceback('MirrorError: 2 of 2 mirrors not filled')}"
    )
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.UNCLASSIFIED
    assert not diagnosis.safe_to_retry
    assert diagnosis.log_evidences[0] == "MirrorError: 2 of 2 mirrors not filled"
    assert {denied, REFUSED} <= set(diagnosis.log_evidences)
    assert diagnosis.root_cause.endswith(f"It had handled: {REFUSED}")
    assert not {denied, REFUSED} & {row.text for row in diagnosis.ruled_out}
