"""Logs in S3: what names a place, and the search for a cluster's logs."""

import pytest
from bucketread import names, read
from bucketserver import BUCKET, BucketServer, Fault

from diagnose.bucket import find_store, parse_location
from diagnose.errors import UsageError
from diagnose.log import WideStore

CLUSTER = "j-2AXTREE000001"
STEP = "s-1AXTREE000001"


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("s3://my-bucket", ("my-bucket", "")),
        ("s3://my-bucket/", ("my-bucket", "")),
        ("s3n://my-bucket/logs/", ("my-bucket", "logs")),
        ("s3a://my.bucket/a/b c", ("my.bucket", "a/b c")),
    ],
)
def test_locations_are_split(uri, parts):
    assert parse_location(uri) == parts


@pytest.mark.parametrize(
    "uri",
    ["", "my-bucket", "https://my-bucket/x", "s3://", "s3:///logs", "s3://b", "s3://my_b\n/x", "s3://x y/z"],
)
def test_nonsense_is_no_location(uri):
    with pytest.raises(UsageError, match="s3://BUCKET/FOLDER"):
        parse_location(uri)


def test_a_key_in_a_location_is_not_repeated():
    with pytest.raises(UsageError) as caught:
        parse_location("s3n://KEYID:hush@my-bucket/logs")
    assert "hush" not in str(caught.value)


def search(client, *locations, setting="", cluster=CLUSTER, step=STEP):
    return find_store(
        client, locations=locations, cluster_id=cluster, bucket_setting=setting, step_id=step
    )  # fmt: skip


@pytest.mark.parametrize(
    ("prefix", "locations", "setting"),
    [
        ("logs", ["s3://{b}/logs/"], ""),
        ("logs", ["s3n://{b}/logs"], ""),
        ("own", ["s3://{b}/own", "s3://{b}/logs"], ""),
        ("logs", ["s3://{b}/own", "s3://{b}/logs"], ""),
        ("", [], "{b}"),
        ("deep/er", [], "{b}/deep/er"),
        ("deep", [], "s3://{b}/deep/"),
        ("elasticmapreduce", [], "{b}"),
        ("team/elasticmapreduce", [], "{b}/team"),
        ("team-7", [], "{b}"),
        ("logs", ["s3://none-such/logs"], "{b}/logs"),
        ("logs", ["nonsense"], "{b}/logs"),
    ],
)
def test_the_cluster_is_found(bucket_server, prefix, locations, setting):
    root = f"{prefix}/{CLUSTER}".lstrip("/")
    bucket_server.objects.update({f"{root}/steps/{STEP}/stderr.gz": b"x", "other-team/j-3OTHER00001/x": b""})
    store, _ = search(
        bucket_server.client(), *(u.format(b=BUCKET) for u in locations), setting=setting.format(b=BUCKET)
    )
    assert names(store.list()) == [f"steps/{STEP}/stderr.gz"]


def test_a_step_may_log_elsewhere_than_its_cluster(bucket_server):
    bucket_server.objects = {
        f"own/{CLUSTER}/steps/{STEP}/stderr.gz": b"own",
        f"logs/{CLUSTER}/steps/{STEP}/stderr.gz": b"old",
        f"logs/{CLUSTER}/containers/application_1_0001/container_1_0001_01_000001/stderr.gz": b"driver",
    }
    store, gaps = search(bucket_server.client(), f"s3://{BUCKET}/own", f"s3://{BUCKET}/logs", setting=BUCKET)
    assert not gaps
    assert names(store.list()) == [
        "containers/application_1_0001/container_1_0001_01_000001/stderr.gz",
        f"steps/{STEP}/stderr.gz",
    ]
    assert [read(store, name)[0] for name in names(store.list())] == [["driver"], ["own"]]
    assert store.folders() == ["containers", "steps"]
    assert names(store.head()) == names(store.list())
    assert store.head().complete
    assert isinstance(store, WideStore)
    with pytest.raises(FileNotFoundError):
        store.open("none")


def test_the_place_with_the_step_comes_first(bucket_server):
    bucket_server.objects = {
        f"a/{CLUSTER}/steps/s-9OTHER/stderr.gz": b"a",
        f"b/{CLUSTER}/steps/s-9OTHER/stderr.gz": b"b",
        f"b/{CLUSTER}/steps/{STEP}/stderr.gz": b"b",
    }
    store, _ = search(bucket_server.client(), f"s3://{BUCKET}/a", f"s3://{BUCKET}/b")
    assert read(store, store.list("steps/s-9OTHER/")[0].name)[0] == ["b"]


def test_one_of_two_places_that_is_refused_later_is_a_gap(bucket_server):
    bucket_server.objects = {f"{p}/{CLUSTER}/steps/{STEP}/stderr.gz": b"x" for p in "ab"}
    store, _ = search(bucket_server.client(), f"s3://{BUCKET}/a", f"s3://{BUCKET}/b")
    bucket_server.refused_listings["b/"] = Fault(403, "AccessDenied")
    found = store.list()
    assert names(found) == [f"steps/{STEP}/stderr.gz"]
    assert not found.complete
    assert "s3:ListBucket" in found.gaps[0]
    bucket_server.refused_listings["a/"] = Fault(403, "AccessDenied")
    with pytest.raises(PermissionError):
        store.list()


def test_without_the_step_s_folder_the_cluster_s_is_taken(bucket_server):
    bucket_server.objects = {f"a/{CLUSTER}/node/x": b""}
    store, _ = search(bucket_server.client(), f"s3://{BUCKET}/a", step="s-NONE")
    assert store.prefix == f"a/{CLUSTER}"


def test_the_bucket_setting_is_not_searched_when_the_step_is_found(bucket_server):
    bucket_server.objects = {f"logs/{CLUSTER}/steps/{STEP}/stderr.gz": b"x"}
    search(bucket_server.client(), f"s3://{BUCKET}/logs", setting=BUCKET)
    assert bucket_server.listed() == [f"logs/{CLUSTER}/", f"logs/{CLUSTER}/steps/{STEP}/"]


def test_only_so_many_folders_of_the_bucket_are_looked_into(bucket_server):
    bucket_server.objects = {f"team-{n:03d}/j-3OTHER00001/x": b"" for n in range(130)}
    _, gaps = search(bucket_server.client(), setting=BUCKET)
    assert len(bucket_server.requests) == 2 + 1 + 100
    assert any("only the first 100 folders" in gap for gap in gaps)
    assert len(" ".join(gaps)) < 1000


def test_of_places_found_nothing_is_left_out(bucket_server):
    store, gaps = search(bucket_server.client(), f"s3://{BUCKET}/logs", setting=BUCKET)
    assert not store.list()
    (gap,) = gaps
    assert f"s3://{BUCKET}/logs/{CLUSTER}/" in gap
    assert f"s3://{BUCKET}/elasticmapreduce/{CLUSTER}/" in gap
    assert "missing" in gap


def test_a_forbidden_place_is_told_from_an_empty_one(bucket_server):
    bucket_server.refused_listings["logs/"] = Fault(403, "AccessDenied")
    store, gaps = search(bucket_server.client(), f"s3://{BUCKET}/logs", f"s3://{BUCKET}/else")
    assert not store.list()
    assert any("s3:ListBucket" in gap and f"s3://{BUCKET}/logs/{CLUSTER}/" in gap for gap in gaps)
    assert f"looked under s3://{BUCKET}/else/{CLUSTER}/" in gaps[-1]


def test_many_forbidden_folders_are_not_all_named(bucket_server):
    bucket_server.objects = {f"team-{n:03d}/x": b"" for n in range(30)}
    bucket_server.refused_listings["team-"] = Fault(403, "AccessDenied")
    _, gaps = search(bucket_server.client(), setting=BUCKET)
    assert any("25 more places" in gap for gap in gaps)
    assert len(gaps) == 7


def test_a_step_s_folder_that_is_refused_leaves_the_cluster_s(bucket_server):
    bucket_server.objects = {f"logs/{CLUSTER}/containers/x": b""}
    bucket_server.refused_listings[f"logs/{CLUSTER}/steps/"] = Fault(403, "AccessDenied")
    store, gaps = search(bucket_server.client(), f"s3://{BUCKET}/logs")
    assert store.prefix == f"logs/{CLUSTER}"
    assert "s3:ListBucket" in gaps[0]


def test_no_place_at_all_says_what_to_set(bucket_server):
    store, gaps = search(bucket_server.client())
    assert not store.list()
    assert "S3_LOG_BUCKET" in gaps[0]
    assert not bucket_server.requests


def test_a_network_that_is_down_is_asked_once():
    with BucketServer() as bucket_server:
        client = bucket_server.client()
    _, gaps = search(client, "s3://aaa/x", "s3://bbb/x", "s3://ccc/x", setting="ddd")
    assert sum("can't be reached" in gap for gap in gaps) == 1
