"""How a run ended: what spark-sql prints, what Python passes on from Java, what nobody knows."""

import pytest

from diagnose.pipeline import run_logs
from diagnose.taxonomy import FailureType
from tests.conftest import APP, traceback

QUIET = (
    "26/11/22 07:00:05 WARN HadoopFSUtils: The directory hdfs://h:8020/data/log was not found.\n"
    f"Spark master: yarn, Application Id: {APP}\nTime taken: 1.439 seconds\n"
)
KILLED = (
    "2026-11-22 07:00:33,227 INFO org.apache.hadoop.yarn.server.resourcemanager.RMAuditLogger (RM Event dispatcher): "
    f"USER=hdfs\tIP=10.0.2.10\tOPERATION=Kill Application Request\tTARGET=RMAppImpl\tRESULT=SUCCESS\tAPPID={APP}\n"
)


@pytest.fixture
def verdict(tree, tmp_path):
    return lambda: run_logs(tree.write(tmp_path)).diagnosis


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "[TABLE_OR_VIEW_NOT_FOUND] The table or view `mart`.`orders` cannot be found. Verify the spelling.\n"
            "To tolerate the error on drop use DROP VIEW IF EXISTS or DROP TABLE IF EXISTS.; line 1 pos 14;\n",
            FailureType.MISSING_TABLE,
        ),
        (
            "[PARSE_SYNTAX_ERROR] Syntax error at or near 'FORM'.(line 1, pos 9)\n\n== SQL ==\nselect * FORM t\n---------^^^\n",
            FailureType.SQL_ERROR,
        ),
        (
            "Error in query: Table or view not found: mart.orders; line 1 pos 14\n",
            FailureType.MISSING_TABLE,
        ),
    ],
)
def test_what_spark_sql_says_last_is_the_end_whatever_became_of_its_application(
    tree, verdict, words, expected
):
    tree.step("stderr", QUIET + words).daemon("resourcemanager", KILLED)
    told = verdict()
    assert told.failure_type is expected
    assert any(words.split("\n")[0][:40] in row.text for row in told.evidence)


def test_what_stands_in_brackets_in_the_middle_ends_nothing(tree, verdict):
    tree.step("stderr", "[DATA_LOADER] Starting\n" + QUIET * 20).daemon("resourcemanager", KILLED)
    assert verdict().failure_type is FailureType.UNEXPLAINED_EXIT


PY4J = """\
Traceback (most recent call last):
  File "/home/hadoop/jobs/premium.py", line 6, in <module>
    book = spark._jvm.com.acme.pricing.RateBook.open("hdfs:///data/ratebook")
  File "/usr/lib/spark/python/lib/py4j-0.10.9.7-src.zip/py4j/protocol.py", line 326, in get_return_value
py4j.protocol.Py4JJavaError: An error occurred while calling z:com.acme.pricing.RateBook.open.
: com.acme.pricing.PricingException: rate book can't be used
\tat com.acme.pricing.RateBook.open(RateBook.java:27)
\tat java.base/java.lang.Thread.run(Thread.java:840)
Caused by: com.acme.pricing.BookSealedException: newest edition is of 2026-11-19
\tat com.acme.pricing.RateBook.open(RateBook.java:22)
\t... 12 more

"""


def test_an_unknown_exception_of_java_that_python_passes_on_is_the_end(tree, verdict):
    tree.driver(stdout=PY4J)
    told = verdict()
    assert told.failure_type is FailureType.UNCLASSIFIED and not told.safe_to_retry
    assert "BookSealedException: newest edition is of 2026-11-19" in told.root_cause
    assert any("BookSealedException" in row.text for row in told.evidence)


REFUSED = (
    "2026-11-22 07:00:19,133 WARNING column key v7: An error occurred (AccessDeniedException) when calling the Decrypt "
    "operation: User: arn:aws:sts::111122223333:assumed-role/job/i-0abc is not authorized to perform: kms:Decrypt\n"
)


def test_a_warning_among_the_job_s_last_words_tells_why_it_left(tree, verdict):
    tree.driver(stdout=f"2026-11-22 07:00:10,001 INFO stays exported\n{REFUSED}", status=12)
    assert verdict().failure_type is FailureType.ENCRYPTION_PERMISSION


def test_a_warning_long_before_the_end_is_none(tree, verdict):
    more = "".join(f"2026-11-22 07:00:19,{n} INFO part {n} exported\n" for n in range(200, 220))
    tree.driver(stdout=f"{REFUSED}{more}", status=12)
    assert verdict().failure_type is FailureType.UNEXPLAINED_EXIT


def test_a_warning_loses_against_the_exception_that_ended_the_job(tree, verdict):
    tree.driver(stdout=f"{REFUSED}{traceback('acme.ledger.LedgerStateFault: period sealed')}")
    assert verdict().failure_type is FailureType.UNCLASSIFIED


def test_a_repository_that_does_not_answer_stands_behind_what_was_not_found(tree, verdict):
    tree.step(
        "stderr",
        "\t\tmodule not found: com.acme#io_2.12;1.8.3\n:::: ERRORS\n"
        "\tServer access error at url https://nexus.acme.com/com/acme/io_2.12/1.8.3/io_2.12-1.8.3.pom "
        "(java.net.ConnectException: Connection refused)\n\n\n:: USE VERBOSE OR DEBUG MESSAGE LEVEL FOR MORE DETAILS\n"
        'Exception in thread "main" java.lang.RuntimeException: [unresolved dependency: com.acme#io_2.12;1.8.3: not found]\n',
    )
    assert verdict().failure_type is FailureType.SERVICE_UNREACHABLE


DIRECT = (
    "Traceback (most recent call last):\n"
    '  File "/home/hadoop/job.py", line 20, in fares\n    urlopen(url)\n'
    "urllib.error.HTTPError: HTTP Error 503: Service Unavailable\n\n"
    "The above exception was the direct cause of the following exception:\n\n"
    "Traceback (most recent call last):\n"
    '  File "/home/hadoop/job.py", line 23, in fares\n    raise FareGap(zone) from error\n'
    "job.FareGap: zone 0\n"
)


def test_the_direct_cause_of_an_unknown_exception_is_the_cause(tree, verdict):
    lost = (
        "26/11/22 07:00:05 WARN TaskSetManager: Lost task 0.3 in stage 0.0 (TID 3) (ip-10-0-2-10.ec2.internal executor 1): "
        f"org.apache.spark.api.python.PythonException: {DIRECT}\n\tat org.apache.spark.X.y(X.scala:1)\n"
        "26/11/22 07:00:06 ERROR TaskSetManager: Task 0 in stage 0.0 failed 4 times; aborting job\n"
    )
    tree.driver(lost, stdout=traceback("job.FareGap: zone 0"))
    assert verdict().failure_type is FailureType.SERVICE_UNREACHABLE


def test_a_context_that_the_job_makes_too_late_is_told_by_the_master_s_wait(tree, verdict):
    tree.driver(
        "26/11/22 07:00:05 ERROR ApplicationMaster: Uncaught exception: \n"
        "java.util.concurrent.TimeoutException: Futures timed out after [100000 milliseconds]\n"
        "\tat org.apache.spark.deploy.yarn.ApplicationMaster.runDriver(ApplicationMaster.scala:515)\n",
        status=13,
    )
    assert verdict().failure_type is FailureType.CODE_ERROR


def test_options_that_java_refuses_stand_behind_executors_that_never_came(tree, verdict):
    tree.driver(
        "26/11/22 07:00:05 ERROR ApplicationMaster: Max number of executor failures (3) reached\n", status=11
    )
    vm = "Error occurred during initialization of VM\nMultiple garbage collectors selected\n"
    for number in (2, 3, 4):
        tree.container(number, "stdout", vm)
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.INVALID_SETTING
    assert "Multiple garbage collectors" in diagnosis.root_cause
