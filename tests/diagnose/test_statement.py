"""Which lines state the value of a setting, and which only look like it."""

import time

import pytest

from diagnose.statement import ARGUMENTS, named, stated, states

MEMORY = {"spark.executor.memory", "spark.executor.memoryOverhead", "spark.executor.cores"}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("spark.executor.memory=4g", {"spark.executor.memory": "4g"}),
        ("  (spark.sql.shuffle.partitions,200)", {"spark.sql.shuffle.partitions": "200"}),
        ('"spark.driver.maxResultSize": "1g",', {"spark.driver.maxResultSize": "1g"}),
        ("spark.executor.cores -> 4", {"spark.executor.cores": "4"}),
        ("SET spark.sql.shuffle.partitions = two", {"spark.sql.shuffle.partitions": "two"}),
        ("java -Dspark.driver.port=4040 x", {"spark.driver.port": "4040"}),
        ("--conf spark.yarn.executor.memoryOverhead=512", {"spark.executor.memoryOverhead": "512"}),
        ("--conf spark.hadoop.fs.s3a.attempts.maximum=3", {"fs.s3a.attempts.maximum": "3"}),
        ("yarn.scheduler.maximum-allocation-mb: 12288", {"yarn.scheduler.maximum-allocation-mb": "12288"}),
        (
            "INFO startExec 'hadoop jar command-runner.jar spark-submit --driver-memory 2g --num-executors=3 job.py'",
            {ARGUMENTS: "", "spark.driver.memory": "2g", "spark.executor.instances": "3"},
        ),
    ],
)
def test_values_are_read_under_their_usual_names(text, values):
    assert states(text)
    assert stated(text) == values


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "26/11/22 07:00:01 INFO Client: Will allocate AM container, with 896 MB memory including 384 MB overhead",
            {
                "spark.driver.memory",
                "spark.driver.memoryOverhead",
                "spark.yarn.am.memory",
                "spark.yarn.am.memoryOverhead",
            },
        ),
        (
            "26/11/22 07:00:01 INFO Client: Verifying our application has not requested more than the maximum memory "
            "capability of the cluster (3072 MB per container)",
            {"yarn.scheduler.maximum-allocation-mb", "yarn.nodemanager.resource.memory-mb"},
        ),
        (
            "26/11/22 07:00:03 INFO YarnAllocator: Will request 2 executor container(s) for  ResourceProfile Id: 0, "
            "each with 2 core(s) and 896 MB memory.",
            {*MEMORY, "spark.executor.instances"},
        ),
        (
            "26/11/22 07:00:03 INFO MemoryStore: MemoryStore started with capacity 127.2 MiB",
            {"spark.driver.memory", "spark.memory.fraction"},
        ),
        ("      -Xmx640m \\ ", {"spark.executor.memory"}),
    ],
)
def test_sentences_tell_a_setting_in_other_words(text, names):
    assert states(text)
    assert stated(text) == dict.fromkeys(names, "")


@pytest.mark.parametrize(
    "text",
    [
        "org.apache.spark.SparkException: Job aborted due to stage failure",
        "26/11/22 07:00:01 INFO yarn.Client: Requesting a new application from cluster with 2 NodeManagers",
        "26/11/22 07:00:01 INFO hive.metastore: Connected to metastore.",
        "26/11/22 07:00:01 INFO ResourceUtils: No custom resources configured for spark.driver.",
        "Consider boosting spark.executor.memoryOverhead.",
        "\tat org.apache.spark.sql.Dataset.show(Dataset.scala:1)",
        "batch.size=3",
        "",
    ],
)
def test_names_without_a_value_state_nothing(text):
    assert not states(text)
    assert stated(text) == {}


def test_settings_are_named_in_the_order_of_a_text():
    advice = (
        "Raise spark.executor.memoryOverhead, or lower --executor-memory; see spark.executor.memoryOverhead."
    )
    assert named(advice) == ["spark.executor.memoryOverhead", "spark.executor.memory"]
    assert named(
        "Caused by: org.apache.spark.SparkException: spark.sql.shuffle.partitions should be int"
    ) == ["spark.sql.shuffle.partitions"]


@pytest.mark.parametrize("part", ["spark.", "-D", "a.", "spark.a=", "--jars ", "(spark.a.b,"])
def test_a_hostile_line_costs_little(part):
    begun = time.process_time()
    stated(part * 8000)
    named(part * 8000)
    assert time.process_time() - begun < 2
