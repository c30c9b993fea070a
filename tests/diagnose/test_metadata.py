"""meta.json: what is used, and that nothing in it can break a diagnosis."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.background import describe
from diagnose.failure import Failure
from diagnose.metadata import MAX_LEARNED_CHARS, read_metadata
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


NAMES = [
    "event", "step", "cluster", "instance_groups", "instance_fleets", "instances", "signals", "detail", "Status", "Timeline",
    "Config", "Args", "FailureDetails", "AdditionalInfo", "ResourceManagerApplicationIds", "Configurations", "Properties",
    "time", "Classification", "InstanceGroupType", "InstanceFleetType", "InstanceTypeSpecifications", "WeightedCapacity",
    "TargetSpotCapacity", "AutoTerminate", "Applications", "MonitoringConfiguration", "S3LoggingConfiguration",
    "LogTypeUploadPolicy", "LogUri", "LogFile", "StateChangeReason", "State", "Message", "EndDateTime", "StartDateTime",
    "ConfigurationsVersion", "LastSuccessfullyAppliedConfigurationsVersion", "Name", "Id", "ClusterArn", "region",
]  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["CORE", "TERMINATED", "spark-defaults", "s3://a/j-1/steps/x", "0001-01-01T00:00:00+14:00",
                       "9999-12-31T23:59:59-14:00", "spark-submit --conf a=b 'x", "--conf", "a=b", "-hiveconf"])
)  # fmt: skip


@given(
    st.recursive(
        LEAVES,
        lambda c: st.lists(c, max_size=3) | st.dictionaries(st.sampled_from(NAMES), c, max_size=4),
        max_leaves=40,
    )
)
def test_no_shape_of_json_breaks_it_and_all_that_comes_out_is_plain(document):
    _, context, gaps = read_metadata(json.dumps(document))
    for group in (context.cluster, context.logging, context.step, context.signals):
        json.dumps(group, allow_nan=False).encode()
    assert all(isinstance(gap, str) for gap in gaps)
    for text in describe(context).values():
        text.encode()


def test_groups_override_the_cluster_and_the_step_overrides_both():
    def site(name, **settings):
        return {"Classification": name, "Properties": {k.replace("_", "."): v for k, v in settings.items()}}

    cluster = {
        "Configurations": [site("yarn-site", a="cluster", b="cluster", c="cluster"), site("spark-defaults", s="cluster", t="cluster", u="cluster"), site("hive-site", h="cluster", i="cluster"),
                           site("capacity-scheduler", q="cluster"), site("spark", maximizeResourceAllocation="true"), site("core-site", never="shown")]
    }  # fmt: skip
    groups = [
        {"InstanceGroupType": "TASK", "Configurations": [site("yarn-site", c="task"), site("spark-defaults", t="task")]},
        {"InstanceGroupType": "CORE", "Configurations": [site("yarn-site", b="core", c="core")]},
        {"InstanceGroupType": "MASTER", "Configurations": [site("spark-defaults", t="primary")]},
    ]  # fmt: skip
    step = {"Config": {"Args": ["spark-submit", "--conf", "u=step", "job.py", "--hiveconf", "i=step"]}}
    _, context, gaps = read_metadata(
        json.dumps({"step": step, "cluster": cluster, "instance_groups": groups})
    )
    assert context.yarn == {"a": "cluster", "b": "core", "c": "task", "q": "cluster"}
    assert context.spark == {
        "s": "cluster",
        "t": "primary",
        "u": "step",
        "maximizeResourceAllocation": "true",
    }
    assert context.hive == {"h": "cluster", "i": "step"}
    assert context.cluster["differing_settings"] == {
        "c": {"TASK": "task", "CORE": "core"},
        "t": {"TASK": "task", "MASTER": "primary"},
    }
    assert gaps == ()


def test_with_a_properties_file_spark_reads_no_defaults():
    args = ["spark-submit", "--properties-file", "job.conf", "--conf", "a=b", "job.py"]
    step = {"Config": {"Args": args}}
    _, context, _ = read_metadata(json.dumps({"step": step, "cluster": CLUSTER}))
    assert context.spark == {"a": "b"}


def test_fleets_set_by_instance_type():
    fleet = {"InstanceFleetType": "CORE", "InstanceTypeSpecifications": [
        {"InstanceType": "m5.xlarge", "Configurations": [{"Classification": "yarn-site", "Properties": {"a": "1"}}]}]}  # fmt: skip
    _, context, _ = read_metadata(json.dumps({"instance_fleets": [fleet]}))
    assert context.yarn == {"a": "1"}


@pytest.mark.parametrize(("wanted", "value"), [(1, "asked for"), (2, "in force")])
def test_after_a_reconfiguration_that_failed_the_settings_of_before_hold(wanted, value):
    def site(text):
        return [{"Classification": "yarn-site", "Properties": {"a": text}}]

    group = {
        "InstanceGroupType": "CORE", "Configurations": site("asked for"), "ConfigurationsVersion": wanted,
        "LastSuccessfullyAppliedConfigurations": site("in force"), "LastSuccessfullyAppliedConfigurationsVersion": 1,
    }  # fmt: skip
    _, context, _ = read_metadata(json.dumps({"instance_groups": [group]}))
    assert context.yarn == {"a": value}


OWN = {"S3MonitoringConfiguration": {"LogUri": "s3://own/", "EncryptionKeyArn": "own key"}}
FILE = {"FailureDetails": {"LogFile": "s3://found/emr/j-1/steps/s-1/stderr.gz"}}


@pytest.mark.parametrize(
    ("step", "places", "logging"),
    [
        ({}, ("s3n://logs/",), {"from": "cluster", "encryption_key": "cluster key"}),
        ({"LogUri": "s3://own/"}, ("s3://own/", "s3n://logs/"), {"from": "step", "encryption_key": "cluster key"}),
        ({"LogUri": "s3://own/", "EncryptionKeyArn": "k"}, ("s3://own/", "s3n://logs/"), {"from": "step", "encryption_key": "k"}),
        ({"EncryptionKeyArn": "k"}, ("s3n://logs/",), {"from": "cluster", "encryption_key": "cluster key"}),
        ({"StepMonitoringConfiguration": OWN}, ("s3://own/", "s3n://logs/"), {"from": "step", "encryption_key": "own key"}),
        ({"LogUri": "s3://logs"}, ("s3://logs",), {"from": "step", "encryption_key": "cluster key"}),
        ({"Status": FILE}, ("s3n://logs/", "s3://found/emr/"), {"from": "cluster", "encryption_key": "cluster key"}),
    ],
)  # fmt: skip
def test_the_step_s_own_log_location_goes_first(step, places, logging):
    cluster = {"Id": "j-1", "LogUri": "s3n://logs/", "LogEncryptionKmsKeyId": "cluster key"}
    _, context, _ = read_metadata(json.dumps({"step": {"Id": "s-1", **step}, "cluster": cluster}))
    assert context.log_locations == places
    assert context.log_location == places[0]
    assert context.logging == logging


def test_without_any_location_there_is_none():
    _, context, _ = read_metadata(json.dumps({"step": {"Id": "s-1"}, "cluster": {"Id": "j-1"}}))
    assert (context.log_location, context.log_locations, context.logging) == (None, (), {})


def test_logs_that_are_not_uploaded_are_a_gap():
    policy = {
        "S3LoggingConfiguration": {
            "LogTypeUploadPolicy": {"application-logs": "disabled", "system-logs": "emr-managed"}
        }
    }
    _, context, gaps = read_metadata(json.dumps({"cluster": {"MonitoringConfiguration": policy}}))
    assert gaps == ("application-logs are not uploaded: the cluster's LogTypeUploadPolicy is disabled",)
    assert context.logging["upload_policy"]["application-logs"] == "disabled"


def test_times_region_and_name_are_told():
    event = {
        "time": "2026-11-22T07:46:00Z",
        "region": "eu-west-1",
        "detail": {"clusterId": "j-1", "stepId": "s-1", "name": "orders"},
    }
    failure, _, _ = read_metadata(json.dumps({"event": event}))
    assert (failure.region, failure.job_name) == ("eu-west-1", "orders")
    assert failure.failed_at.isoformat() == "2026-11-22T07:46:00+00:00"
    assert failure.started_at is None
    timeline = {"StartDateTime": "2026-11-22T08:40:05+01:00", "EndDateTime": "2026-11-22T07:45:24"}
    failure, context, _ = read_metadata(
        json.dumps({"event": event, "step": {"Status": {"Timeline": timeline}}})
    )
    assert failure.failed_at.isoformat() == "2026-11-22T07:45:24+00:00"
    assert (context.step["started"], context.step["ended"]) == (
        "2026-11-22T07:40:05Z",
        "2026-11-22T07:45:24Z",
    )
    arn = "arn:aws:elasticmapreduce:us-west-2:1:cluster/j-1"
    assert read_metadata(json.dumps({"cluster": {"ClusterArn": arn}}))[0].region == "us-west-2"


def instance(code, end, **more):
    status = {
        "State": "TERMINATED",
        "StateChangeReason": {"Code": code, "Message": "m"},
        "Timeline": {"EndDateTime": end},
    }
    return {
        "Ec2InstanceId": f"i-{end}",
        "Market": "SPOT",
        "InstanceType": "m5.xlarge",
        "Status": {**status, **more},
    }


def test_why_instances_ended_is_told_by_reason_the_latest_first():
    rows = [
        instance("INSTANCE_FAILURE", "2026-11-22T07:41:00Z"),
        instance("INSTANCE_FAILURE", "2026-11-22T07:42:00Z"),
        instance("CLUSTER_TERMINATED", "2026-11-22T07:47:00Z"),
        instance("INSTANCE_FAILURE", "2026-11-22T05:00:00Z"),
        instance("INTERNAL_ERROR", "2026-11-22T07:41:00Z", State="RUNNING"),
    ]
    step = {"Status": {"Timeline": {"StartDateTime": "2026-11-22T07:40:00Z"}}}
    _, context, _ = read_metadata(json.dumps({"step": step, "instances": rows}))
    told = context.cluster["ended_instances"]
    assert [(row["code"], row["count"]) for row in told] == [
        ("CLUSTER_TERMINATED", 1),
        ("INSTANCE_FAILURE", 2),
    ]
    assert (told[1]["first"], told[1]["last"]) == ("2026-11-22T07:41:00Z", "2026-11-22T07:42:00Z")


HUGE = {
    "spark": {"cluster": {"Configurations": [{"Classification": "spark-defaults", "Properties": {f"spark.x{n}": "v" * 1000 for n in range(10_000)}}]}},
    "yarn": {"cluster": {"Configurations": [{"Classification": "yarn-site", "Properties": {"k" * 100_000: "v " * 1_000_000}}]}},
    "step": {"step": {"Config": {"Args": ["a b" * 100] * 10_000, "Jar": "x y" * 1_000_000}, "Status": {"FailureDetails": {"Message": "m n" * 1_000_000}}}},
    "signals": {"signals": {"a": [[[[[[[[[[1]]]]]]]]]], "b": {str(n): "v" * 5000 for n in range(1000)}}},
    "cluster": {"instances": [instance(f"C{n}", "2026-11-22T07:41:00Z", StateChangeReason={"Code": f"C{n}", "Message": "m " * 99_999}) for n in range(30)]},
    "log location": {"cluster": {"LogUri": "s3://" + "x/" * 100_000}},
}  # fmt: skip


@pytest.mark.parametrize("group", HUGE)
def test_what_is_huge_is_cut_and_said_to_be(group):
    _, context, gaps = read_metadata(json.dumps(HUGE[group]))
    assert any(gap.startswith(f"metadata, {group}: ") for gap in gaps), gaps
    whole = [
        context.cluster,
        context.logging,
        context.log_locations,
        dict(context.spark),
        dict(context.yarn),
        context.step,
        context.signals,
    ]
    assert len(json.dumps(whole)) < 300_000
    assert len(context.document) <= MAX_LEARNED_CHARS
    assert all(len(text) < 8200 for text in describe(context).values())


def test_what_is_nested_too_deep_is_cut():
    _, context, _ = read_metadata(json.dumps({"signals": {"a": [[[[[[1]]]]]], "b": [[[1]]]}}))
    assert context.signals == {"a": [[[[["…"]]]]], "b": [[[1]]]}


def test_settings_that_explain_failures_survive_the_cut():
    many = {f"spark.a{n}": "v" for n in range(5000)} | {"spark.executor.memory": "4g"}
    cluster = {"Configurations": [{"Classification": "spark-defaults", "Properties": many}]}
    _, context, gaps = read_metadata(json.dumps({"cluster": cluster}))
    assert context.spark["spark.executor.memory"] == "4g"
    assert gaps == ("metadata, spark: 4489 values above the size limits were cut or left out",)


def test_half_a_surrogate_is_replaced_everywhere():
    text = json.dumps(
        {"step": {"Name": "a\ud800b", "Config": {"Args": ["\udfff"]}}, "signals": {"\ud801": "\ud802"}}
    )
    _, context, _ = read_metadata(text)
    assert context.step["name"] == "a?b" and context.step["args"] == ["?"] and context.signals == {"?": "?"}
    read_metadata('{"step": {"Name": "\ud800"}}')[1].document.encode()


def test_the_platform_s_own_words_can_be_evidence(tree, tmp_path):
    root = tree.driver(status=1).write(tmp_path)
    details = {"Reason": "Error", "Message": "java.io.IOException: No space left on device"}
    step = {"Id": "s-1AXTREE000001", "Status": {"FailureDetails": details}}
    (tmp_path / "meta.json").write_text(json.dumps({"step": step}))
    diagnosis = run_logs(root).diagnosis
    assert diagnosis.failure_type == "DISK_FULL"
    assert diagnosis.evidence[0].file == "context.step.failure_details.message"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_beyond_the_calendar_is_no_time(moment):
    step = {"Id": "s-1", "Status": {"Timeline": {"EndDateTime": moment}}}
    failure, _, _ = read_metadata(json.dumps({"step": step}))
    assert failure.failed_at is None


def test_a_number_of_any_size_is_a_value():
    _, context, _ = read_metadata('{"signals": {"rows": ' + "9" * 400 + "}}")
    assert context.signals == {"rows": "a number of more than 63 bits"}
