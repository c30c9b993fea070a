"""EMR's layout by names alone."""

import pytest

from diagnose.layout import (
    SourceKind,
    application_order,
    classify,
    container_sources,
    in_layout,
    is_application,
    is_cluster,
    mentioned,
)


@pytest.mark.parametrize(
    ("name", "kind", "stream", "container", "attempt"),
    [
        ("steps/s-1ABC/stderr.gz", SourceKind.STEP, "stderr", None, None),
        ("steps/s-1ABC/controller.gz", SourceKind.CONTROLLER, "controller", None, None),
        ("steps/s-1ABC/syslog", SourceKind.STEP, "syslog", None, None),
        (
            "containers/application_1_0002/container_1_0002_01_000001/stdout.gz",
            SourceKind.DRIVER, "stdout", "container_1_0002_01_000001", 1,
        ),
        (
            "containers/application_1_0002/ip-10-0-2-10/container_e17_1_0002_02_000004/stderr.gz",
            SourceKind.EXECUTOR, "stderr", "container_e17_1_0002_02_000004", 2,
        ),
        (
            "node/i-0a/applications/hadoop-yarn/hadoop-yarn-nodemanager-ip-10-0-2-10.ec2.internal.log.2026-11-22.gz",
            SourceKind.NODE_MANAGER, "log", None, None,
        ),
        (
            "node/i-0a/applications/hadoop-yarn/hadoop-yarn-resourcemanager-ip-10-0-2-11.ec2.internal.log.gz",
            SourceKind.RESOURCE_MANAGER, "log", None, None,
        ),
        ("driver.log", SourceKind.OTHER, "log", None, None),
    ],
)  # fmt: skip
def test_a_name_tells_what_the_file_is(name, kind, stream, container, attempt):
    source = classify(name)
    assert (source.kind, source.stream, source.container, source.attempt) == (
        kind,
        stream,
        container,
        attempt,
    )


def test_bootstrap_logs_are_in_the_layout_but_are_not_read():
    assert in_layout("node/i-0a/bootstrap-actions/1/stderr.gz")
    assert classify("node/i-0a/bootstrap-actions/1/stderr.gz").kind is SourceKind.OTHER


def test_only_containers_of_the_wanted_applications_are_picked_drivers_first():
    names = [
        "containers/application_1_0002/container_1_0002_01_000003/stderr.gz",
        "containers/application_1_0002/container_1_0002_01_000001/stderr.gz",
        "containers/application_1_0003/container_1_0003_01_000001/stderr.gz",
    ]
    picked = container_sources([classify(n) for n in names], ["application_1_0002"])
    assert [s.file for s in picked] == [names[1], names[0]]


def test_a_submitted_application_is_told_from_one_only_named():
    line = "26/11/22 07:45:03 INFO YarnClientImpl: Submitted application application_1795332864487_0020"
    assert mentioned(line)[0] == "application_1795332864487_0020"
    assert (
        mentioned("Starting Job = job_1795332864487_0021, Tracking URL = x")[0]
        == "application_1795332864487_0021"
    )
    strong, weak = mentioned("skipping output of application_1795332864487_0001")
    assert strong is None
    assert weak == "application_1795332864487_0001"


def test_applications_order_by_cluster_and_number():
    ids = ["application_2_0001", "application_1_0010", "application_1_0009"]
    assert sorted(ids, key=application_order) == [
        "application_1_0009",
        "application_1_0010",
        "application_2_0001",
    ]


def test_names_of_folders_tell_applications_and_clusters():
    assert is_application("application_1795331436133_0007")
    assert not is_application("application_1795331436133_0007/x")
    assert not is_application("_temporary")
    assert is_cluster("j-2AXTREE000001")
    assert not is_cluster("j-x")
    assert not is_cluster("elasticmapreduce")
