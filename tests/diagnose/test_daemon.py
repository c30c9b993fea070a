"""Which records of YARN's daemons matter to one step."""

import gzip

import pytest

from diagnose.daemon import DaemonFilter
from diagnose.log import Line
from diagnose.pipeline import run_logs
from diagnose.record import Record, parse_header
from diagnose.taxonomy import FailureType
from tests.conftest import APP, traceback

RM = "2026-11-22 07:{m:02}:00,412 INFO org.apache.hadoop.yarn.server.resourcemanager.{what}"
ASSIGNED = "scheduler.common.fica.FiCaSchedulerNode (SchedulerEventDispatcher:Event Processor): Assigned container container_{app}_01_{n:06} of capacity <memory:1152, vCores:1> on host {host}:8041, which has 1 containers"
LOST = "rmnode.RMNodeImpl (RM Event dispatcher): Deactivating Node {host}:8041 as it is now LOST"
EXPIRED = "rmnode.RMNodeImpl (Ping Checker): Expired:{host}:8041 Timed out after 600 secs"
HERE, THERE = "ip-10-0-3-4.ec2.internal", "ip-10-0-3-9.ec2.internal"


def line(minute, what, **values):
    return RM.format(m=minute, what=what.format(**values))


def record(text):
    header = parse_header(text)
    return Record((Line(1, text),), header, header.time if header else None)


@pytest.mark.parametrize("gone", [LOST, EXPIRED])
@pytest.mark.parametrize("cut", range(0, 700, 50))
def test_a_lost_node_matters_where_the_application_master_ran(gone, cut):
    log = (line(1, ASSIGNED, app=APP[12:], n=1, host=HERE) + "\n").encode()
    log += (line(2, ASSIGNED, app=APP[12:], n=2, host=THERE) + "\n").encode()
    matters = DaemonFilter([APP])
    assert not matters(record(line(9, gone, host=HERE)))
    for part in (log[:cut], log[cut:]):
        matters.hear(part)
    assert matters(record(line(9, gone, host=HERE)))
    assert not matters(record(line(9, gone, host=THERE)))
    assert not matters(record(line(0, gone, host=HERE)))  # before the master came


def test_of_other_applications_nothing_matters():
    matters = DaemonFilter([APP])
    matters.hear(line(1, ASSIGNED, app="1795331436133_0008", n=1, host=HERE).encode())
    assert not matters(record(line(9, LOST, host=HERE)))
    assert not matters(record(line(9, ASSIGNED, app="1795331436133_0008", n=1, host=HERE)))
    assert matters(record(line(9, ASSIGNED, app=APP[12:], n=4, host=THERE)))
    DaemonFilter([]).hear(b"Assigned container")


@pytest.fixture
def verdict(tree, tmp_path):
    """Tell the verdict where the resource manager's lines are buried among others'."""

    def told(*lines):
        filler = [line(5, f"RMAuditLogger (IPC): USER=hadoop REQUEST={n}") for n in range(300)]
        tree.daemon("resourcemanager", "\n".join([lines[0], *filler, *lines[1:], *filler, ""]))
        return run_logs(tree.write(tmp_path)).diagnosis

    return told


def assigned(attempt=1):
    text = line(attempt, ASSIGNED, app=APP.removeprefix("application_"), n=1, host=HERE)
    return text.replace("_01_000001", f"_{attempt:02}_000001")


def gone(host):
    return line(16, EXPIRED, host=host), line(16, LOST, host=host)


@pytest.mark.parametrize(
    ("host", "expected"), [(HERE, FailureType.NODE_LOST), (THERE, FailureType.UNEXPLAINED_EXIT)]
)
def test_the_lost_node_of_the_application_master_is_the_cause(tree, verdict, host, expected):
    tree.step("stderr", f"26/11/22 07:00:00 INFO YarnClientImpl: Submitted application {APP}\n")
    told = verdict(assigned(), *gone(host))
    assert told.failure_type is expected and not told.safe_to_retry


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("NameError: name 'frame' is not defined", FailureType.CODE_ERROR),
        ("acme.ledger.LedgerStateFault: period sealed", FailureType.UNCLASSIFIED),
        ("urllib.error.HTTPError: HTTP Error 503: Service Unavailable", FailureType.SERVICE_UNREACHABLE),
    ],
)
def test_a_node_lost_under_the_first_attempt_does_not_hide_the_second_s_own_end(
    tree, verdict, error, expected
):
    tree.container(1, "stderr", "26/11/22 07:00:01 INFO SparkContext: Running Spark version 3.5.7\n")
    tree.driver(attempt=2, stdout=traceback(error))
    told = verdict(assigned(), *gone(HERE), assigned(2))
    assert told.failure_type is expected and not told.safe_to_retry


@pytest.mark.parametrize("delivered", [True, False])
def test_a_node_lost_under_the_first_attempt_is_the_cause_where_the_second_met_its_leftovers(
    tree, verdict, delivered
):
    exists = (
        "pyspark.sql.utils.AnalysisException: [PATH_ALREADY_EXISTS] Path hdfs://h:8020/out already exists."
    )
    if delivered:
        tree.container(1, "stderr", "26/11/22 07:00:01 WARN SparkConf: The configuration key is deprecated\n")
    tree.driver("26/11/22 07:20:01 WARN Utils: Truncated the plan\n", attempt=2, stdout=traceback(exists))
    late = tree.files[f"containers/{APP}/container_{APP[12:]}_02_000001/stderr.gz"]
    later = gzip.decompress(late).decode().replace("07:00:", "07:20:")
    tree.container(1, "stderr", later, attempt=2)
    told = verdict(assigned(), *gone(HERE), assigned(2).replace(" 07:02", " 07:18"))
    assert told.failure_type is FailureType.NODE_LOST and not told.safe_to_retry
    assert "left behind" in told.root_cause


OUT_OF_REACH = [
    "org.apache.spark.shuffle.FetchFailedException: Failed to connect to {host}/10.0.3.4:7337",
    "FetchFailed(BlockManagerId(3, {host}, 7337, None), shuffleId=1, mapIndex=2, mapId=9, reduceId=4, message=",
]


@pytest.mark.parametrize("words", OUT_OF_REACH)
@pytest.mark.parametrize(
    ("host", "expected"), [(HERE, FailureType.NODE_LOST), (THERE, FailureType.LOGS_UNAVAILABLE)]
)
def test_the_lost_node_that_an_aborted_job_could_not_reach_is_the_cause(tree, verdict, words, host, expected):
    aborted = "Job aborted due to stage failure: ResultStage 3 (collect) has failed the maximum allowable number of times: 4."
    tree.container(2, "stderr", "26/11/22 07:00:05 INFO Executor: Starting executor ID 1\n")
    tree.step(
        "stderr",
        f"26/11/22 07:00:00 INFO YarnClientImpl: Submitted application {APP}\n"
        f"26/11/22 07:17:21 ERROR Client: Application diagnostics message: User class threw exception: "
        f"org.apache.spark.SparkException: {aborted} Most recent failure reason:\n{words.format(host=HERE)}\n"
        f'Exception in thread "main" org.apache.spark.SparkException: Application {APP} finished with failed status\n',
    )
    told = verdict(line(1, "RMAuditLogger (IPC): USER=hadoop"), *gone(host))
    assert told.failure_type is expected and not told.safe_to_retry


def test_a_daemon_s_log_alone_does_not_tell_which_node_mattered(tmp_path):
    log = tmp_path / "hadoop-yarn-resourcemanager-ip-10-0-2-11.ec2.internal.log"
    log.write_text("\n".join([*gone(HERE), line(17, LOST.replace("LOST", "DECOMMISSIONED"), host=THERE), ""]))
    assert run_logs(log).diagnosis.failure_type is not FailureType.NODE_LOST
