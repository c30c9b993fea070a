"""Write signs: every row's example is found, and what every healthy driver prints is none."""

import pytest

from diagnose.pipeline import run_logs
from diagnose.sign import OWN_WORDS, SIGNS, SINK, SignSearch, is_sink
from tests.conftest import traceback

SEARCH = SignSearch()


@pytest.mark.parametrize("row", SIGNS, ids=lambda r: r.what)
def test_each_example_shows_what_its_row_says(row):
    assert SEARCH.find(row.example) == row.what


@pytest.mark.parametrize(
    "line",
    [
        "26/11/22 07:45:08 INFO SparkEnv: Registering OutputCommitCoordinator",
        "26/11/22 07:45:18 INFO FileOutputCommitter: File Output Committer Algorithm version is 1",
        "26/11/22 07:45:18 INFO FileOutputCommitter: FileOutputCommitter skip cleanup _temporary folders under output directory:false",
        "26/11/22 07:45:18 INFO SQLHadoopMapReduceCommitProtocol: Using output committer class org.apache.parquet.hadoop.ParquetOutputCommitter",
        "26/11/22 07:45:24 INFO OutputCommitCoordinator$OutputCommitCoordinatorEndpoint: OutputCommitCoordinator stopped!",
        "26/11/22 07:45:19 INFO DAGScheduler: Final stage: ResultStage 0 (collect at job.py:8)",
        "26/11/22 07:45:23 INFO DAGScheduler: ResultStage 0 (count at NativeMethodAccessorImpl.java:0) finished in 4.367 s",
        "26/11/22 07:45:24 INFO ShutdownHookManager: Deleting directory /mnt/tmp/spark-650e2731",
        "26/11/22 07:45:24 INFO ApplicationMaster: Deleting staging directory hdfs://h:8020/user/hadoop/.sparkStaging/a",
        "\tat org.postgresql.jdbc.PgStatement.executeBatch(PgStatement.java:887)",
        "26/11/22 07:45:17 INFO SharedState: Warehouse path is 'hdfs://h:8020/user/hive/warehouse'.",
    ],
)
def test_what_every_driver_prints_is_no_sign(line):
    assert SEARCH.find(line) is None


@pytest.mark.parametrize("line", [OWN_WORDS.example, "INFO: saved model to hdfs", "12 files uploaded"])
def test_a_job_s_own_words_of_a_write_are_a_sign(line):
    assert SEARCH.find_own(line)


@pytest.mark.parametrize(
    "line",
    [
        "nothing was written",
        "no rows inserted",
        "could not be saved",
        "reading 12 files",
        "output will be written to x",
    ],
)
def test_a_job_s_denials_are_none(line):
    assert SEARCH.find_own(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "0 files skipped, 12 files uploaded",
        "Nothing to delete; inserted the new partition",
        "already uploaded 3 of 5 files",
        "no records failed; inserted 12 partitions",
        "upload: ./part-0.csv to s3://bucket/part-0.csv",
        "loaded 100 rows into orders",
        "rename live -> old: True",
        "TRUNCATE TABLE",
        "part 3: 100 rows in shipment_log",
    ],
)
def test_a_denial_ends_with_its_clause_and_tools_count(line):
    assert SEARCH.find_own(line)


@pytest.mark.parametrize(
    "line",
    [
        "removed 12 duplicate rows from frame",
        "registered temp view orders",
        "dropped 3 columns",
        "replaced nulls in column amount",
        "reading orders written by upstream",
        "The jars for the packages stored in: /home/hadoop/.ivy2/jars",
        "4 addresses to look up",
    ],
)
def test_work_on_frames_and_settings_is_no_sign(line):
    assert SEARCH.find_own(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "INFO FileOutputCommitter: Saved output of task 'a' to hdfs://nn/warehouse/jvm_metaspace_daily",
        "INFO X: committed 12 Batches",
        "botocore.exceptions.ClientError: An error occurred (InternalError) when calling the PutObject operation: x",
        "INFO DAGScheduler: ResultStage 2 (runJob at SparkHadoopWriter.scala:83) finished in 1.0 s",
        "INFO DAGScheduler: ResultStage 2 (append at NativeMethodAccessorImpl.java:0) finished in 1.0 s",
    ],
)
def test_healthy_words_elsewhere_in_the_line_veto_nothing(line):
    assert SEARCH.find(line)


def test_a_task_that_failed_in_its_sink_had_begun_to_write(tree, tmp_path):
    closed = "org.postgresql.util.PSQLException: This connection has been closed.\n"
    frames = f"\tat org.postgresql.jdbc.PgConnection.checkClosed(PgConnection.java:883)\n{SINK.example}\n"
    where = "(TID 7) (ip-10-0-2-10.ec2.internal executor 3)"
    tree.driver(
        f"26/11/22 07:00:09 WARN TaskSetManager: Lost task 2.3 in stage 7.0 {where}: {closed}{frames}"
        "26/11/22 07:00:09 ERROR TaskSetManager: Task 2 in stage 7.0 failed 4 times; aborting job\n",
        traceback(
            f"py4j.protocol.Py4JJavaError: An error occurred while calling o5.jdbc.\n: {closed}".rstrip()
        ),
    )
    diagnosis = run_logs(tree.write(tmp_path)).diagnosis
    assert not diagnosis.safe_to_retry
    assert SINK.what in diagnosis.retry_reason


def test_a_sink_is_told_from_a_reader_and_from_words():
    assert is_sink(SINK.example)
    assert not is_sink(
        "\tat org.apache.spark.sql.execution.datasources.jdbc.JDBCRDD.compute(JDBCRDD.scala:10)"
    )
    assert not is_sink(f"see {SINK.example}")
