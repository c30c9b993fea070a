"""What is listed, opened and told of one failed step: the same from a bucket as from a local tree."""

import gzip
import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from awsserver import AwsServer
from bucketserver import BUCKET, BucketServer, Fault

from diagnose.bucket import BucketStore
from diagnose.coverage import cover
from diagnose.deadline import Deadline
from diagnose.failure import Failure, JobContext
from diagnose.incident import gather
from diagnose.log import DirectoryStore, Listing, MemoryStore, StreamStore
from diagnose.place import find_place
from diagnose.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
STEP = "s-1AXTREE000001"
APP = "application_1795331436133_0007"
REAL = [
    *sorted((ROOT / "datasets" / "lab").glob("*/")),
    *sorted((ROOT.parent / "shared" / "real-logs").glob("*/")),
]
SOME = REAL[::5]


def read(store, step=STEP, started_at=None, **options):
    failure = Failure(step_id=step, started_at=started_at)
    return gather(store, failure, JobContext(), Settings(), **options)


@pytest.fixture
def bucket():
    with BucketServer() as server:
        yield server


def store_of(server, page_keys=2):
    return BucketStore(server.client(), BUCKET, page_keys=page_keys)


@pytest.fixture(scope="module")
def aws():
    with AwsServer() as server:
        yield server


@pytest.mark.parametrize("case", SOME, ids=lambda p: p.name)
def test_a_case_in_a_bucket_is_the_same_incident_as_on_disk(aws, case):
    place = find_place(case)
    local = gather(place.store, place.failure, place.context, Settings())
    aws.reset()
    keys = aws.upload_tree("the-logs", "logs/j-1", place.store.root)
    assert len(keys) > 3
    for page_keys in (1000, 3):
        store = BucketStore(aws.client("s3"), "the-logs", "logs/j-1", page_keys=page_keys)
        remote = gather(store, place.failure, place.context, Settings())
        assert remote.scans == local.scans
        assert remote.gaps == local.gaps
        assert remote.failure == local.failure
        assert remote.tasks == local.tasks
        assert remote.step_logs_seen is local.step_logs_seen is True


def busy(tree, others=40):
    """The tree of a long-lived cluster: many steps, applications and nodes beside ours."""
    tree.driver(status=3).daemon("nodemanager", "2026-11-22 07:00:05,1 WARN X: bad local dirs\n")
    files = dict(tree.files)
    for n in range(others):
        files[f"steps/s-9OTHER{n:06d}/stderr.gz"] = b"x"
        files[
            f"containers/application_1795331436133_9{n:03d}/container_1795331436133_9{n:03d}_01_000001/stderr.gz"
        ] = b"x"
        files[f"node/i-{n:04d}/daemons/instance-state/a.gz"] = b"x"
    return files


def test_only_the_folders_of_the_step_are_listed(tree, bucket):
    bucket.objects = busy(tree)
    store = BucketStore(bucket.client(), BUCKET, page_keys=10)
    incident = read(store)
    folders = list(dict.fromkeys(bucket.listed()))
    assert folders[0] == ""
    assert folders[1:3] == [f"steps/{STEP}/", f"containers/{APP}/"]
    assert folders[3] == "node/"
    assert all(name.startswith("node/") for name in folders[3:])
    assert incident.scans == read(MemoryStore(bucket.objects)).scans
    assert len([name for name in bucket.got() if "9" in name.split("/")[1][:3]]) == 0


def test_a_small_tree_is_listed_in_one_request(tree, bucket):
    bucket.objects = dict(tree.driver(status=3).files)
    read(BucketStore(bucket.client(), BUCKET))
    assert bucket.listed() == [""]


def test_without_a_step_the_last_of_those_in_the_bucket_is_taken(tree, bucket):
    bucket.objects = dict(tree.driver(status=3).files)
    for name in [n for n in bucket.objects if n.startswith("steps/")]:
        early = (
            gzip.decompress(bucket.objects[name])
            .replace(b"26/11/22", b"26/11/21")
            .replace(b"11-22", b"11-21")
        )
        bucket.objects[name.replace(STEP, "s-9EARLY0000001")] = gzip.compress(early)
    incident = read(store_of(bucket), step="")
    assert incident.failure.step_id == STEP
    assert incident.gaps == read(MemoryStore(bucket.objects), step="").gaps


def test_of_many_steps_only_those_last_written_are_opened(tree, aws):
    aws.reset()
    aws.bucket("the-logs")
    s3 = aws.client("s3")
    for n in range(60):
        s3.put_object(
            Bucket="the-logs",
            Key=f"steps/s-9OTHER{n:06d}/controller.gz",
            Body=b"2026-11-22T07:00:00.1Z INFO x\n",
        )

    opened = []

    class Noting(BucketStore):
        def open(self, name):
            opened.append(name)
            return super().open(name)

    incident = read(Noting(s3, "the-logs", page_keys=10), step="")
    assert len({name for name in opened if name.startswith("steps/")}) == 50
    assert incident.failure.step_id == "s-9OTHER000059"
    assert any("60 steps have logs" in gap for gap in incident.gaps)


def test_the_newest_application_is_taken_when_nobody_names_one(tree, bucket):
    tree.driver(status=3)
    newer = APP.replace("0007", "0008")
    tree.container(1, "stderr", "26/11/22 08:00:00 ERROR X: newer\n", app=newer)
    bucket.objects = {n: d for n, d in tree.files.items() if not n.startswith("steps/")}
    remote, local = read(store_of(bucket), step=""), read(MemoryStore(bucket.objects), step="")
    assert remote.scans == local.scans
    assert {s.source.application for s in remote.scans} == {newer}
    assert remote.gaps == local.gaps
    assert "containers/" in bucket.listed()


def test_application_folders_are_not_listed_when_the_step_names_its_own(tree, bucket):
    bucket.objects = dict(tree.driver(status=3).files)
    read(store_of(bucket))
    assert "containers/" not in bucket.listed()
    assert "steps/" not in bucket.listed()


def test_another_step_s_application_is_nobody_s(tree, bucket):
    bucket.objects = busy(tree)
    for stream in ("stderr", "stdout", "syslog", "controller"):
        bucket.objects[f"steps/{STEP}/{stream}.gz"] = gzip.compress(b"")
    remote, local = read(store_of(bucket)), read(MemoryStore(bucket.objects))
    assert remote.scans == local.scans
    assert not any(scan.source.application for scan in remote.scans)


def test_loose_files_in_a_bucket_are_all_read(bucket):
    bucket.objects = {f"run/{n}.log": b"26/11/22 07:00:00 ERROR X: y\n" for n in range(6)} | {
        "run-a.log": b"x\n"
    }
    remote, local = read(store_of(bucket)), read(MemoryStore(bucket.objects))
    assert len(remote.scans) == 7
    assert remote.scans == local.scans


def test_an_empty_bucket_is_a_gap(bucket):
    incident = read(store_of(bucket))
    assert "there is no log file at all" in incident.gaps
    assert not incident.step_logs_seen


@pytest.mark.parametrize(
    ("folder", "kept", "whole"),
    [
        (f"steps/{STEP}/", "containers/", False),
        (f"containers/{APP}/", "steps/", False),
        ("node/", "containers/", True),
    ],
)
def test_a_folder_that_can_t_be_listed_is_not_the_loss_of_the_rest(tree, bucket, folder, kept, whole):
    bucket.objects = busy(tree)
    bucket.refused_listings[folder] = Fault(403, "AccessDenied")
    failure = Failure(step_id=STEP, applications=(APP,))
    incident = gather(store_of(bucket), failure, JobContext(), Settings())
    assert any(scan.source.file.startswith(kept) for scan in incident.scans)
    assert any("could not be listed" in gap and "s3:ListBucket" in gap for gap in incident.gaps)
    assert cover(incident, fetched=True).whole is whole


def test_a_root_that_can_t_be_listed_leaves_its_folders(tree, bucket):
    bucket.objects = {f"logs/{name}": data for name, data in busy(tree).items()}

    class Closed(BucketStore):
        def head(self):
            raise PermissionError(13, "AccessDenied: not this prefix")

    incident = read(Closed(bucket.client(), BUCKET, "logs"))
    assert incident.scans == read(MemoryStore(busy(tree))).scans


def test_containers_beyond_the_bound_are_missing(tree, bucket):
    tree.driver(status=3)
    for n in range(2, 30):
        tree.container(n, "stderr", "26/11/22 07:00:00 INFO X: y\n")
    bucket.objects = dict(tree.files)
    incident = read(BucketStore(bucket.client(), BUCKET, page_keys=5, max_listed=10))
    assert any("more than 10 files" in gap and "missing" in gap for gap in incident.gaps)
    assert not cover(incident, fetched=True).whole


def test_daemon_logs_written_before_the_step_are_not_opened(tree):
    tree.driver(status=3).daemon("nodemanager", "2026-11-22 07:00:05,123 WARN X: bad local dirs\n")
    daemon = next(name for name in tree.files if name.startswith("node/"))

    class Dated(MemoryStore):
        def list(self, under=""):
            written = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
            return [replace(file, modified=written) for file in super().list(under)]

    def opened(started_at):
        incident = read(Dated(tree.files), started_at=started_at)
        return {scan.source.file for scan in incident.scans}

    assert daemon in opened(None)
    assert daemon in opened(datetime(2026, 11, 22, 7, 0, tzinfo=UTC))
    assert opened(datetime(2026, 11, 22, 8, 0, tzinfo=UTC)) == opened(None) - {daemon}
    assert daemon in {
        s.source.file for s in read(MemoryStore(tree.files), started_at=datetime.now(UTC)).scans
    }


def test_whether_the_step_s_logs_have_come_is_told(tree):
    tree.driver(status=3)
    assert read(MemoryStore(tree.files)).step_logs_seen
    assert not read(MemoryStore(tree.files), step="s-0NOSUCH00001").step_logs_seen
    without = {n: d for n, d in tree.files.items() if not n.startswith("steps/")}
    assert not read(MemoryStore(without)).step_logs_seen
    only = {n: d for n, d in tree.files.items() if n.endswith(f"{STEP}/stderr.gz")}
    assert read(MemoryStore(only)).step_logs_seen


class Clock:
    """Time that runs out after so many looks at it."""

    def __init__(self, looks):
        self.looks = looks

    def __call__(self):
        self.looks -= 1
        return float(self.looks)


def test_when_the_time_is_up_the_rest_is_unread_and_told(tree):
    tree.driver(status=3)
    for n in range(2, 6):
        tree.container(n, "stderr", "26/11/22 07:00:00 INFO X: y\n")
    seen = set()
    for looks in range(1, 30):
        incident = read(MemoryStore(tree.files), deadline=Deadline(Clock(looks)))
        late = [scan for scan in incident.scans if scan.report.late]
        assert late == list(incident.scans[len(incident.scans) - len(late) :])
        for scan in late:
            assert f"{scan.source.file}: was not read to its end: time ran out" in incident.gaps
        if late:
            assert not cover(incident, fetched=True).whole
        seen.add(bool(late))
    assert seen == {True, False}


def test_the_time_is_looked_at_between_the_blocks_of_a_file():
    data = b"26/11/22 07:00:00 INFO X: y\n" * 100_000
    incident = read(StreamStore("a.log", io.BytesIO(data)), deadline=Deadline(Clock(5)))
    (scan,) = incident.scans
    assert scan.report.late
    assert 0 < scan.lines < 100_000
    assert "a.log: was not read to its end: time ran out" in incident.gaps


def test_nothing_is_listed_or_opened_beyond_the_deadline(tree, bucket):
    bucket.objects = busy(tree)
    incident = read(store_of(bucket), deadline=Deadline(lambda: 0.0))
    assert not bucket.got()
    assert not cover(incident, fetched=True).whole
    assert any("time ran out" in gap for gap in incident.gaps)


def test_an_unreadable_sub_folder_of_a_local_tree_is_a_gap(tree, tmp_path):
    root = tree.driver(status=3).write(tmp_path)

    class Partly(DirectoryStore):
        def list(self, under=""):
            found = super().list(under)
            return Listing(found.files, ("node/i-1/ could not be listed (Permission denied)",))

    incident = read(Partly(root))
    assert incident.scans == read(DirectoryStore(root)).scans
    assert any("node/i-1/" in gap and "missing" in gap for gap in incident.gaps)
