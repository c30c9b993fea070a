import getpass
import platform
import socket
from pathlib import Path

import pytest

from evals.errors import ScenarioError
from evals.lab.cluster.engine import Engine
from evals.lab.rename import NODE_ADDRESS, NODE_HOST, NODE_KERNEL, Names


class FakeCluster:
    def __init__(self, folder: Path) -> None:
        self.folder, self.conf, self.default_fs = folder, folder / "conf", "localhost:40123"

    def node_folders(self, kind: str) -> list[Path]:
        return [self.folder / f"lab-{kind}Dir-nm-{number}_0" for number in (0, 1)]


@pytest.fixture
def names(tmp_path: Path, engine: Engine) -> Names:
    folders = {tmp_path / "home": "/home/hadoop", tmp_path / "tmp": "/mnt/tmp"}
    services = {"service:a": "127.0.0.1:5001", "service:b": "127.0.0.1:5002"}
    cluster = FakeCluster(tmp_path / "cluster")
    return Names("demo", engine, folders, cluster=cluster, services=services, first=7)  # type: ignore[arg-type]


def test_folders_become_those_of_a_node(names: Names, tmp_path: Path, engine: Engine) -> None:
    cluster = tmp_path / "cluster"
    for ours, theirs in {
        f"{tmp_path}/home/jobs/demo.py": "/home/hadoop/jobs/demo.py",
        f"{engine.spark}/bin/spark-submit": "spark-submit",
        f"{engine.spark}/jars/x.jar": "/usr/lib/spark/jars/x.jar",
        f"{engine.spark.parent}/pandas/core.py": "/usr/local/lib/python3.11/site-packages/pandas/core.py",
        f"{engine.python}": "/usr/bin/python3",
        f"{cluster}/lab-localDir-nm-1_0/usercache": "/mnt/yarn/usercache",
        f"{cluster}/lab-logDir-nm-0_0/application_1": "/var/log/hadoop-yarn/containers/application_1",
        f"{cluster}/conf/core-site.xml": "/etc/hadoop/conf/core-site.xml",
    }.items():
        assert names.text(f"at {ours}: ") == f"at {theirs}: "


def test_hosts_and_addresses_become_those_of_a_node(names: Names) -> None:
    host = socket.gethostname()
    for ours, theirs in {
        f"hdfs://localhost:40123/data on {host}": f"hdfs://ip-10-0-2-11.ec2.internal:8020/data on {NODE_HOST}",
        f"{host}/127.0.0.1:33677": f"{NODE_HOST}/{NODE_ADDRESS}:33677",
        "localhost/127.0.0.1:40123": "ip-10-0-2-11.ec2.internal/10.0.2.11:8020",
        "IP=127.0.0.1": f"IP={NODE_ADDRESS}",
        "10.127.0.0.1 and localhosts and my.localhost": "10.127.0.0.1 and localhosts and my.localhost",
        f"OS info Linux, {platform.release()}, amd64": f"OS info Linux, {NODE_KERNEL}, amd64",
        "resolves to a loopback address: 127.0.0.1; (on interface ens5)": "resolves to a loopback address: 127.0.0.1; (on interface eth0)",
    }.items():
        assert names.text(ours) == theirs


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Connection to 127.0.0.1:5002 refused", "Connection to 10.0.5.21:8021 refused"),
        ("localhost/127.0.0.1:5001", "10.0.5.20/10.0.5.20:8020"),
        ("host='127.0.0.1', port=5001)", "host='10.0.5.20', port=8020)"),
        ('server at "127.0.0.1", port 5002 failed', 'server at "10.0.5.21", port 8021 failed'),
        ("('127.0.0.1', 5002)", "('10.0.5.21', 8021)"),
        ("127.0.0.1:50021", f"{NODE_ADDRESS}:50021"),
    ],
)
def test_each_service_gets_a_host_of_its_own(names: Names, ours: str, theirs: str) -> None:
    assert names.text(ours) == theirs


def test_ids_of_applications_follow_from_the_scenario(names: Names, engine: Engine) -> None:
    first = names.path("application_1795372022454_0007")
    assert names.path("container_1795372022454_0008_02_000001").startswith(
        first.replace("application", "container")[:-4]
    )
    again = Names("demo", engine, {}, first=1)
    assert again.path("application_1700000000001_0001") == first
    assert Names("other", engine, {}).path("application_1700000000001_0001") != first
    number = int(first.rpartition("_")[2])
    assert names.text("Allocated new applicationId: 7") == f"Allocated new applicationId: {number}"
    assert names.text("at 1795372022454 ms_1795372022454") == "at 1795372022454 ms_1795372022454"


def test_the_users_of_processes_are_those_of_a_node(names: Names) -> None:
    me = getpass.getuser()
    assert names.text(f"Changing view acls to: {me},hadoop\n") == "Changing view acls to: yarn,hadoop\n"
    assert names.text(f"view permissions: {me}, hadoop; x", user="etl") == "view permissions: etl, hadoop; x"
    assert names.text(f"the {me}s") == f"the {me}s"


def test_what_is_left_of_this_machine_is_refused(names: Names, tmp_path: Path) -> None:
    names.check("demo", ["nothing of ours", NODE_HOST])
    for text in (f"{tmp_path}/home/x", f"on {socket.gethostname()}:1"):
        with pytest.raises(ScenarioError, match="demo: the logs still name"):
            names.check("demo", [text])
