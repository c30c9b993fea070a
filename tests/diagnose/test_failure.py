"""Command lines of steps: which settings they make."""

import pytest

from diagnose.failure import JobContext, hive_conf, option_value, spark_conf


@pytest.mark.parametrize(
    ("args", "value"),
    [(["--queue", "etl"], "etl"), (["--queue=etl"], "etl"), (["--queue"], None), (["etl"], None)],
)
def test_options_are_read_in_both_forms(args, value):
    assert option_value(args, "--queue") == value


@pytest.mark.parametrize(
    ("args", "conf"),
    [
        (
            ["--executor-memory", "3g", "--conf", "a.b=c=d", "x"],
            {"spark.executor.memory": "3g", "a.b": "c=d"},
        ),
        (
            ["spark-submit", "--conf=a=b", "--num-executors=4", "x.py"],
            {"a": "b", "spark.executor.instances": "4"},
        ),
        (["spark-submit", "-c", "a=b", "--conf", "a=c", "x.py"], {"a": "c"}),
        (["/usr/bin/spark-submit", "--verbose", "--conf", "a=b", "x.py"], {"a": "b"}),
        (["spark-submit", "--conf", "a=b\nc", "x.py"], {"a": "b\nc"}),
        (["spark-submit", "x.py", "--conf", "a=b", "--executor-memory", "9g"], {}),
        (["bash", "-c", "cd /x && spark-submit --conf 'a=b c' x.py --conf d=e"], {"a": "b c"}),
        (["bash", "-c", "spark-submit --conf a=b 'x.py"], {"a": "b"}),
        (["spark-submit --conf a=b"], {"a": "b"}),
        (["s3://code/run.sh", "orders", "--conf", "a=b"], {"a": "b"}),
        (["spark-submit", "--conf"], {}),
        (["spark-submit", "--conf", "nothing"], {}),
        (["spark-submit "], {}),
        ([], {}),
    ],
)
def test_spark_settings_of_a_command_line(args, conf):
    assert spark_conf(args) == conf


def test_short_options_go_before_conf_as_spark_submit_has_it():
    args = ["spark-submit", "--executor-memory", "4g", "--conf", "spark.executor.memory=2g", "x.py"]
    assert spark_conf(args) == {"spark.executor.memory": "4g"}


@pytest.mark.parametrize(
    ("args", "conf"),
    [
        (
            ["hive-script", "--args", "-f", "q.q", "--hiveconf", "a=b", "-hiveconf", "c=d=e"],
            {"a": "b", "c": "d=e"},
        ),
        (["hive", "--hiveconf=a=b", "--hivevar", "x=y"], {"a": "b"}),
        (["--hiveconf"], {}),
    ],
)
def test_hive_settings_of_a_command_line(args, conf):
    assert hive_conf(args) == conf


def test_a_context_knows_its_deploy_mode_and_the_values_for_advice():
    context = JobContext(
        spark={"spark.submit.deployMode": "cluster", "spark.executor.memory": "4g"}, step={"name": "orders"}
    )
    assert context.deploy_mode == "cluster"
    assert context.template_values() == {
        "executor_memory": "4g",
        "deploy_mode": "cluster",
        "job_name": "orders",
    }
