"""Write signs: every row's example is found, and what every healthy driver prints is none."""

import pytest

from diagnose.sign import OWN_WORDS, SIGNS, SignSearch

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
