"""meta.json: what is used, and that nothing in it can break a diagnosis."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.failure import Failure, option_value, spark_conf
from diagnose.metadata import read_metadata
from diagnose.pipeline import run_logs

STEP = {
    "Id": "s-1",
    "Name": "orders",
    "Config": {
        "Args": ["spark-submit", "--deploy-mode", "cluster", "--conf", "spark.executor.memory=4g", "job.py"]
    },
    "Status": {
        "FailureDetails": {
            "Reason": "Output directory already exists.",
            "Message": "Output directory x already exists",
        },
        "Timeline": {"EndDateTime": "2026-11-22T07:45:24Z"},
    },
    "AdditionalInfo": {"ResourceManagerApplicationIds": ["application_1_0001"]},
}
CLUSTER = {
    "Id": "j-1",
    "LogUri": "s3n://logs/",
    "Configurations": [
        {
            "Classification": "spark-defaults",
            "Properties": {"spark.executor.memory": "2g", "spark.driver.memory": "1g"},
        },
        {"Classification": "hive-site", "Properties": {"hive.metastore.uris": "thrift://h:9083"}},
    ],
}


def test_every_group_is_filled_and_the_step_s_own_settings_win():
    failure, context, gaps = read_metadata(json.dumps({"step": STEP, "cluster": CLUSTER}))
    assert (failure.cluster_id, failure.step_id) == ("j-1", "s-1")
    assert failure.applications == ("application_1_0001",)
    assert context.spark == {"spark.executor.memory": "4g", "spark.driver.memory": "1g"}
    assert context.hive["hive.metastore.uris"] == "thrift://h:9083"
    assert context.deploy_mode == "cluster"
    assert context.template_values()["executor_memory"] == "4g"
    assert gaps == ()


def test_what_is_no_json_is_a_gap():
    failure, _, gaps = read_metadata("{")
    assert failure == Failure()
    assert gaps


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda c: st.lists(c, max_size=3) | st.dictionaries(
    st.sampled_from(["event", "step", "cluster", "detail", "Status", "Timeline", "Config", "Args", "FailureDetails",
                     "AdditionalInfo", "ResourceManagerApplicationIds", "Configurations", "Properties", "time"]), c, max_size=4)))  # fmt: skip
def test_no_shape_of_json_breaks_it(document):
    read_metadata(json.dumps(document))


@pytest.mark.parametrize(
    ("args", "value"),
    [(["--queue", "etl"], "etl"), (["--queue=etl"], "etl"), (["--queue"], None), (["etl"], None)],
)
def test_options_are_read_in_both_forms(args, value):
    assert option_value(args, "--queue") == value


def test_short_options_are_settings_too():
    assert spark_conf(["--executor-memory", "3g", "--conf", "a.b=c=d", "x"]) == {
        "spark.executor.memory": "3g",
        "a.b": "c=d",
    }


def test_the_platform_s_own_words_can_be_evidence(tree, tmp_path):
    root = tree.driver(status=1).write(tmp_path)
    details = {"Reason": "Error", "Message": "java.io.IOException: No space left on device"}
    step = {"Id": "s-1AXTREE000001", "Status": {"FailureDetails": details}}
    (tmp_path / "meta.json").write_text(json.dumps({"step": step}))
    diagnosis = run_logs(root).diagnosis
    assert diagnosis.failure_type == "DISK_FULL"
    assert diagnosis.evidence[0].file == "context.step.failure_details.message"
