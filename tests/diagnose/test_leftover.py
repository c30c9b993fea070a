"""A task's first try tells the cause, its next ones only meet what that one had begun to write."""

import pytest

from diagnose.pipeline import run_logs
from diagnose.taxonomy import FailureType
from tests.conftest import traceback

EXISTS = (
    "org.apache.hadoop.fs.FileAlreadyExistsException: File already exists: hdfs://h:8020/out/part-00000.csv"
)
DATE = (
    "org.apache.spark.SparkUpgradeException: You may get a different result due to the upgrading to Spark >= 3.0: Fail "
    "to format it to '2026-11-22 00:00:00' in the new formatter. You can set spark.sql.legacy.timeParserPolicy to LEGACY"
)
ABORTED = "26/11/22 07:00:09 ERROR TaskSetManager: Task 5 in stage 3.0 failed 4 times; aborting job\n"


@pytest.fixture
def verdict(tree, tmp_path):
    return lambda: run_logs(tree.write(tmp_path)).diagnosis


def _lost(tried, error):
    return (
        f"26/11/22 07:00:0{tried + 5} WARN TaskSetManager: Lost task 5.{tried} in stage 3.0 (TID {tried + 20}) "
        f"(ip-10-0-2-10.ec2.internal executor 1): {error}\n\tat com.acme.Job.run(Job.scala:7)\n"
    )


def _job(first):
    last = (
        "py4j.protocol.Py4JJavaError: An error occurred while calling o165.save.\n: org.apache.spark.SparkException: Job "
        "aborted due to stage failure: Task 5 in stage 3.0 failed 4 times, most recent failure: Lost task 5.3 in stage "
        f"3.0 (TID 23) (ip-10-0-2-10.ec2.internal executor 1): {EXISTS}"
    )
    return _lost(0, first) + "".join(_lost(n, EXISTS) for n in (1, 2, 3)) + ABORTED, traceback(last)


def test_the_first_try_of_a_task_tells_the_cause(tree, verdict):
    stderr, stdout = _job(DATE)
    tree.driver(stderr, stdout)
    diagnosis = verdict()
    assert diagnosis.failure_type is FailureType.CODE_ERROR
    assert "2026-11-22 00:00:00" in diagnosis.root_cause


def test_an_output_that_the_first_try_met_already_is_the_cause(tree, verdict):
    stderr, stdout = _job(EXISTS)
    tree.driver(stderr, stdout)
    assert verdict().failure_type is FailureType.OUTPUT_EXISTS


def test_where_the_first_try_tells_nothing_the_output_is_all_there_is(tree, verdict):
    stderr, stdout = _job("org.apache.spark.SparkException: Task failed while writing rows.")
    tree.driver(stderr, stdout)
    assert verdict().failure_type is FailureType.OUTPUT_EXISTS
