"""Where a path leads: case folders, trees, clusters, steps, files."""

import json

import pytest
from awsserver import AwsServer
from bucketserver import BUCKET, BucketServer, Fault

from diagnose.errors import UsageError
from diagnose.failure import Failure, JobContext
from diagnose.pipeline import run_logs, run_place
from diagnose.place import Place, find_place

META = {
    "event": {
        "time": "2026-11-22T07:45:24Z",
        "detail": {"stepId": "s-1AXTREE000001", "name": "orders", "clusterId": "j-2AXTREE000001"},
    }
}


@pytest.fixture
def case(tree, tmp_path):
    tree.driver(status=3).write(tmp_path)
    (tmp_path / "meta.json").write_text(json.dumps(META))
    return tmp_path


@pytest.mark.parametrize(
    "part", [".", "logs", "logs/j-2AXTREE000001", "logs/j-2AXTREE000001/steps/s-1AXTREE000001"]
)
def test_every_folder_of_a_case_leads_to_its_step(case, part):
    place = find_place(case / part)
    assert place.failure.step_id == "s-1AXTREE000001"
    assert place.failure.cluster_id == "j-2AXTREE000001"
    assert {f.name.split("/")[0] for f in place.store.list()} == {"steps", "containers"}


@pytest.mark.parametrize("part", ["steps", "containers", "containers/application_1795331436133_0007"])
def test_a_folder_inside_the_tree_leads_to_its_cluster(case, part):
    place = find_place(case / "logs" / "j-2AXTREE000001" / part)
    assert {f.name.split("/")[0] for f in place.store.list()} == {"steps", "containers"}


@pytest.mark.parametrize("above", ["node", "steps", "containers"])
def test_names_of_folders_above_the_case_mean_nothing(tree, tmp_path, above):
    tree.driver(status=3).write(tmp_path / above / "case")
    (tmp_path / above / "other.log").write_text("26/11/22 07:00:00 ERROR X: not ours\n")
    for part in ("case", "case/logs", "case/logs/j-2AXTREE000001"):
        names = {f.name.split("/")[0] for f in find_place(tmp_path / above / part).store.list()}
        assert names == {"steps", "containers"}


def test_a_store_that_can_t_be_listed_is_a_gap(tmp_path):
    class Locked:
        def list(self):
            raise PermissionError(13, "Permission denied")

        def open(self, name):
            raise FileNotFoundError(name)

    place = Place(store=Locked(), failure=Failure(), context=JobContext())
    diagnosis = run_place(place).diagnosis
    assert diagnosis.failure_type == "LOGS_UNAVAILABLE"
    assert any("Permission denied" in gap for gap in diagnosis.gaps)


def test_meta_json_gives_names_and_times(case):
    failure = find_place(case / "logs").failure
    assert failure.job_name == "orders"
    assert failure.failed_at.isoformat() == "2026-11-22T07:45:24+00:00"


def test_a_file_inside_the_layout_is_known_for_what_it_is(case):
    file = next(case.rglob("container_*_000001/stderr.gz"))
    place = find_place(file)
    assert place.store.list()[0].name.startswith("containers/application_")


def test_of_several_clusters_one_must_be_named(tree, tmp_path):
    tree.write(tmp_path)
    (tmp_path / "logs" / "j-3OTHER0000001" / "steps").mkdir(parents=True)
    with pytest.raises(UsageError, match="several clusters"):
        find_place(tmp_path / "logs")
    assert find_place(tmp_path / "logs" / "j-2AXTREE000001")


def test_of_several_steps_the_last_in_time_is_taken_unless_one_is_named(tree, tmp_path):
    tree.driver(status=3)
    early = {
        n.replace("s-1AXTREE000001", "s-9EARLY0000001"): d
        for n, d in tree.files.items()
        if n.startswith("steps")
    }
    root = tree.write(tmp_path)
    for name, data in early.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        import gzip

        file.write_bytes(
            gzip.compress(gzip.decompress(data).replace(b"26/11/22", b"26/11/21").replace(b"11-22", b"11-21"))
        )
    diagnosis = run_logs(root).diagnosis
    assert diagnosis.step_id == "s-1AXTREE000001"
    assert any("2 steps" in gap for gap in diagnosis.gaps)
    assert run_logs(root, step_id="s-9EARLY0000001").diagnosis.step_id == "s-9EARLY0000001"


def test_a_step_without_logs_is_a_gap_not_an_error(tree, tmp_path):
    diagnosis = run_logs(tree.write(tmp_path), step_id="s-0NOSUCH00001").diagnosis
    assert diagnosis.category == "UNKNOWN"
    assert any("missing" in gap for gap in diagnosis.gaps)


def test_a_folder_outside_the_layout_is_read_as_plain_logs(tmp_path):
    (tmp_path / "driver.log").write_text(
        "Traceback (most recent call last):\n  File \"j.py\", line 1\n    f()\nNameError: name 'f' is not defined\n"
    )
    (tmp_path / "other.log").write_text("26/11/22 07:00:00 INFO X: fine\n")
    assert run_logs(tmp_path).diagnosis.failure_type == "CODE_ERROR"


def test_s3_without_a_client_is_refused_with_the_next_step():
    with pytest.raises(UsageError, match="copy the logs"):
        find_place("s3://bucket/logs/j-1")


def test_a_local_path_makes_no_client(case):
    assert find_place(case, s3=lambda: pytest.fail("no client is needed")).failure.step_id


@pytest.fixture(scope="module")
def moto():
    with AwsServer() as server:
        yield server


@pytest.fixture
def remote(case, moto):
    """A case in a bucket, and how to find a place in it."""
    moto.reset()
    moto.upload_tree("the-logs", "team/case", case)
    client = moto.client("s3")
    return lambda address, **given: find_place(address, s3=lambda: client, **given)


@pytest.mark.parametrize("scheme", ["s3", "s3n", "s3a"])
@pytest.mark.parametrize(
    "part",
    ["", "/", "/logs/", "/logs/j-2AXTREE000001", "/logs/j-2AXTREE000001/steps/s-1AXTREE000001/"],
)
def test_every_folder_of_a_case_in_a_bucket_leads_to_its_step(remote, case, part, scheme):
    place = remote(f"{scheme}://the-logs/team/case{part}")
    assert place.failure == find_place(case / part.strip("/")).failure
    assert place.failure.step_id == "s-1AXTREE000001"
    assert {f.name.split("/")[0] for f in place.store.list()} == {"steps", "containers"}
    assert run_place(place).diagnosis.failure_type == run_logs(case).diagnosis.failure_type


@pytest.mark.parametrize("part", ["steps", "containers", "containers/application_1795331436133_0007/"])
def test_a_folder_inside_a_tree_in_a_bucket_leads_to_its_cluster(remote, part):
    place = remote(f"s3://the-logs/team/case/logs/j-2AXTREE000001/{part}")
    assert {f.name.split("/")[0] for f in place.store.list()} == {"steps", "containers"}


def test_an_object_inside_the_layout_is_known_for_what_it_is(remote, case):
    file = next(case.rglob("container_*_000001/stderr.gz"))
    place = remote(f"s3://the-logs/team/case/{file.relative_to(case).as_posix()}")
    (only,) = place.store.list()
    assert only.name == file.relative_to(case / "logs" / "j-2AXTREE000001").as_posix()
    with place.store.open(only.name) as stream:
        assert stream.read() == file.read_bytes()
    assert place.store.list("steps/") == []
    with pytest.raises(FileNotFoundError):
        place.store.open("another")


def test_an_object_outside_the_layout_is_a_single_log(moto):
    moto.reset()
    moto.bucket("the-logs")
    client = moto.client("s3")
    for key in ("a.log", "a.log-2"):
        client.put_object(Bucket="the-logs", Key=key, Body=b"26/11/22 07:00:00 ERROR X: y\n")
    place = find_place("s3://the-logs/a.log", s3=lambda: client)
    assert [f.name for f in place.store.list()] == ["a.log"]
    assert any("single log" in gap for gap in run_place(place).diagnosis.gaps)


def test_the_step_of_the_caller_wins_in_a_bucket(remote):
    place = remote("s3://the-logs/team/case", step_id="s-0NOSUCH00001")
    assert place.failure.step_id == "s-0NOSUCH00001"
    assert place.failure.job_name is None


@pytest.fixture
def bucket():
    with BucketServer() as server:
        yield server


def find(server, address, **given):
    return find_place(address.format(b=BUCKET), s3=server.client, **given)


def test_of_several_clusters_in_a_bucket_one_must_be_named(bucket):
    bucket.objects = {f"logs/j-{n:05d}AAAA/steps/s-1ABC/stderr.gz": b"" for n in range(300)}
    with pytest.raises(UsageError, match=r"several clusters \(j-00000AAAA, j-00001AAAA.*…\)") as caught:
        find(bucket, "s3://{b}/logs/")
    assert "j-00020AAAA" not in str(caught.value)
    assert len(bucket.requests) < 20
    assert find(bucket, "s3://{b}/logs/j-00007AAAA").failure.cluster_id == "j-00007AAAA"


def test_meta_json_names_one_of_several_clusters(bucket):
    bucket.objects = {f"logs/{c}/steps/s-1ABC/stderr.gz": b"" for c in ("j-2AXTREE000001", "j-3OTHER0000001")}
    bucket.objects["meta.json"] = json.dumps(META).encode()
    place = find(bucket, "s3://{b}/logs/")
    assert place.store.prefix == "logs/j-2AXTREE000001"
    assert place.failure.job_name == "orders"


def test_a_cluster_s_folder_may_have_any_name(bucket):
    bucket.objects = {"logs/nightly/steps/s-1ABC/stderr.gz": b"x", "logs/readme/a.txt": b""}
    assert find(bucket, "s3://{b}/logs").store.prefix == "logs/nightly"


def test_a_whole_bucket_of_loose_logs_is_a_place(bucket):
    bucket.objects = {"a.log": b"x\n", "b.log": b"y\n"}
    assert [f.name for f in find(bucket, "s3://{b}").store.list()] == ["a.log", "b.log"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://{b}/none", "no such object or folder"),
        ("s3://{b}/none/", "no such object or folder"),
        ("s3://{b}/log", "no such object or folder"),
        ("s3://another-bucket/logs", "no such bucket"),
        ("s3://{b}/closed/j-1AAAA", "s3:ListBucket"),
        ("s3://x", "s3://BUCKET/FOLDER"),
    ],
)
def test_an_address_that_leads_nowhere_names_the_reason(bucket, address, said):
    bucket.objects = {"logs/a.log": b""}
    bucket.refused_listings["closed"] = Fault(403, "AccessDenied")
    with pytest.raises(UsageError, match=said):
        find(bucket, address)


def test_a_meta_json_that_is_forbidden_is_a_gap_only_beside_the_logs(bucket):
    bucket.objects = {"a/b/logs/steps/s-1ABC/stderr.gz": b"x"}
    for key in ("a/b/meta.json", "a/meta.json"):
        bucket.faults[key] = Fault(403, "AccessDenied")
    assert not find(bucket, "s3://{b}/a/b/logs").gaps
    bucket.faults["a/b/logs/meta.json"] = Fault(403, "AccessDenied")
    assert any("meta.json" in gap for gap in find(bucket, "s3://{b}/a/b/logs").gaps)


def test_a_path_that_is_not_there_names_itself(tmp_path):
    with pytest.raises(UsageError, match="none"):
        find_place(tmp_path / "none")
