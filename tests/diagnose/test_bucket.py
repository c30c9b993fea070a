"""Logs in S3: listing within bounds, streams that break, errors in our own words, the search for a cluster."""

import gzip

import pytest
from awsserver import AwsServer
from bucketserver import BUCKET, BucketServer, Fault

from diagnose.bucket import (
    BucketStore,
    find_store,
    parse_location,
)
from diagnose.errors import UsageError
from diagnose.log import LogStore, ReadBudget, ReadReport, WideStore, read_lines

CLUSTER = "j-2AXTREE000001"
STEP = "s-1AXTREE000001"


@pytest.fixture(scope="module")
def moto():
    with AwsServer() as server:
        yield server


@pytest.fixture
def aws(moto):
    moto.reset()
    return moto


@pytest.fixture
def server():
    with BucketServer() as stand_in:
        yield stand_in


def put(aws, bucket, *keys, data=b"x"):
    aws.bucket(bucket)
    for key in keys:
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=data)


def names(files):
    return [file.name for file in files]


def read(store, name):
    report = ReadReport()
    try:
        with store.open(name) as stream:
            lines = [line.text for line in read_lines(stream, budget=ReadBudget(1 << 30), report=report)]
    except OSError as error:
        report.error = error.strerror
        lines = []
    return lines, report


def test_a_bucket_is_a_wide_store(server):
    store: LogStore = BucketStore(server.client(), BUCKET)
    assert isinstance(store, WideStore)


def test_listing_goes_page_after_page_and_names_are_relative(aws):
    put(aws, "logs-a", *(f"logs/{CLUSTER}/steps/s-{n:03d}/stderr.gz" for n in range(25)), "logs/j-OTHER/x")
    store = BucketStore(aws.client("s3"), "logs-a", f"logs/{CLUSTER}/", page_keys=4)
    found = store.list()
    assert names(found) == [f"steps/s-{n:03d}/stderr.gz" for n in range(25)]
    assert found.complete
    assert not found.gaps
    assert {file.size_bytes for file in found} == {1}
    assert all(file.modified.tzinfo is not None for file in found)
    assert names(store.list("steps/s-007/")) == names(store.list("steps/s-007")) == ["steps/s-007/stderr.gz"]
    assert not store.list("steps/s-00/")


def test_a_star_stands_for_any_one_folder(aws):
    daemon = "node/{}/applications/hadoop-yarn/hadoop-yarn-nodemanager-h.log.gz"
    keys = [daemon.format(f"i-{n:02d}") for n in range(12)]
    others = ["node/i-00/bootstrap-actions/1/stderr.gz", "node/i-00/applications/hadoop-hdfs/x.log.gz"]
    put(aws, "logs-a", *keys, *others)
    store = BucketStore(aws.client("s3"), "logs-a", page_keys=3)
    assert names(store.list("node/*/applications/hadoop-yarn/")) == keys
    assert store.folders("node/") == tuple(f"i-{n:02d}" for n in range(12))
    assert not store.list("none/*/x/")


def test_marks_of_folders_are_no_files(aws):
    put(aws, "logs-a", "logs/", "logs/steps/", "logs/steps_$folder$", "logs/steps/s-1/stderr.gz")
    assert names(BucketStore(aws.client("s3"), "logs-a", "logs").list()) == ["steps/s-1/stderr.gz"]


def test_keys_with_odd_characters_are_listed_and_opened(aws):
    key = "logs/a b+c%20&<é>/x.log"
    put(aws, "logs-a", key, data=b"one\n")
    store = BucketStore(aws.client("s3"), "logs-a", "logs")
    assert names(store.list()) == ["a b+c%20&<é>/x.log"]
    assert read(store, "a b+c%20&<é>/x.log")[0] == ["one"]


def test_more_keys_than_the_bound_are_told(server):
    server.objects.update({f"containers/app/{n:03d}.gz": b"" for n in range(50)})
    found = BucketStore(server.client(), BUCKET, page_keys=7, max_listed=20).list("containers/app/")
    assert len(found) == 20
    assert not found.complete
    assert any("more than 20 files" in gap for gap in found.gaps)
    assert len(server.listed()) <= 4
    exact = BucketStore(server.client(), BUCKET, page_keys=10, max_listed=50).list("containers/app/")
    assert exact.complete
    assert len(exact) == 50


def test_the_head_is_one_request_and_says_whether_it_is_all(server):
    server.objects.update({f"k{n}": b"" for n in range(5)})
    assert not BucketStore(server.client(), BUCKET, page_keys=4).head().complete
    assert BucketStore(server.client(), BUCKET, page_keys=5).head().complete
    assert len(server.listed()) == 2


def test_folders_that_can_t_be_listed_below_a_star_are_one_gap(server):
    server.objects.update({f"node/i-{n}/applications/hadoop-yarn/x.log": b"" for n in range(9)})
    server.refused_listings = {f"node/i-{n}/": Fault(403, "AccessDenied") for n in range(8)}
    found = BucketStore(server.client(), BUCKET).list("node/*/applications/hadoop-yarn/")
    assert names(found) == ["node/i-8/applications/hadoop-yarn/x.log"]
    (gap,) = found.gaps
    assert "8 of 9" in gap
    assert "s3:ListBucket" in gap


def test_a_listing_that_breaks_on_a_later_page_keeps_what_it_has():
    class Broken(BucketServer):
        pages = 0

        @property
        def refused_listings(self):
            self.pages += 1
            return {"": Fault(503, "SlowDown")} if self.pages > 1 else {}

        @refused_listings.setter
        def refused_listings(self, _):
            pass

    with Broken({f"k{n}": b"" for n in range(9)}) as server:
        found = BucketStore(server.client(), BUCKET, page_keys=4).list()
    assert len(found) == 4
    assert not found.complete
    assert "SlowDown" in found.gaps[0]


ARN = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222"
FAULTS = [
    (Fault(403, "AccessDenied"), PermissionError, "s3:GetObject"),
    (Fault(403, "AccessDenied", f"User is not authorized to perform: kms:Decrypt on {ARN}"), PermissionError, "kms:Decrypt"),
    (Fault(400, "KMS.DisabledException", f"{ARN} is disabled."), PermissionError, "kms:Decrypt"),
    (Fault(404, "NoSuchKey"), FileNotFoundError, "gone"),
    (Fault(403, "InvalidObjectState"), OSError, "archived"),
    (Fault(503, "SlowDown"), OSError, "try again later"),
    (Fault(500, "InternalError"), OSError, "try again later"),
    (Fault(301, "PermanentRedirect"), OSError, "another region"),
    (Fault(400, "AuthorizationHeaderMalformed"), OSError, "another region"),
    (Fault(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided"), OSError, "credentials"),
    (Fault(400, "ExpiredToken"), OSError, "credentials"),
    (Fault(418, "Teapot"), OSError, "look the code up"),
    (Fault(400, f"<{ARN}>"), OSError, "unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "kind", "words"), FAULTS, ids=lambda v: getattr(v, "code", None))
def test_a_refused_object_is_told_in_our_own_words(server, fault, kind, words):
    server.objects["a.log"] = b"x"
    server.faults["a.log"] = fault
    with pytest.raises(kind) as caught:
        BucketStore(server.client(), BUCKET).open("a.log")
    told = caught.value.strerror
    assert words in told
    assert fault.message not in told
    assert "arn:" not in told
    assert caught.value.__cause__ is None


def test_a_bucket_that_is_not_there_is_told(server):
    for act in (lambda store: store.list(), lambda store: store.open("x"), lambda store: store.head()):
        with pytest.raises(FileNotFoundError) as caught:
            act(BucketStore(server.client(), "another-bucket"))
        assert "no such bucket" in caught.value.strerror


def test_an_endpoint_that_can_t_be_reached_is_told():
    with BucketServer() as server:
        client = server.client()
    with pytest.raises(OSError, match="can't be reached"):
        BucketStore(client, BUCKET).list()


def test_no_credentials_are_told(server):
    import boto3
    from botocore.session import Session

    session = Session()
    session.set_config_variable("region", "us-east-1")
    session.get_component("credential_provider").providers = []
    client = boto3.Session(botocore_session=session).client("s3", endpoint_url=server.endpoint)
    with pytest.raises(OSError, match="no AWS credentials"):
        BucketStore(client, BUCKET).list()
    client.close()


def test_an_answer_that_is_not_s3_s_is_told(server):
    server._http.RequestHandlerClass._listing = lambda handler, _: handler._send(200, b"<html><body>Sign in")
    with pytest.raises(OSError, match="try again later"):
        BucketStore(server.client(), BUCKET).list()


def lines_of(count):
    return b"".join(b"line %d of the log\n" % n for n in range(count))


@pytest.mark.parametrize("packed", [False, True])
def test_a_stream_goes_on_where_its_connection_broke(server, packed):
    data = lines_of(60_000)
    stored = gzip.compress(data, mtime=0) if packed else data
    server.objects["a.log"] = stored
    server.cuts["a.log"] = [len(stored) // 2, 0, 10]
    lines, report = read(BucketStore(server.client(), BUCKET), "a.log")
    assert report.whole
    assert lines == data.decode().splitlines()
    assert len(server.got()) == 4


def test_a_stream_that_breaks_too_often_keeps_its_beginning(server):
    data = lines_of(60_000)
    server.objects["a.log"] = data
    server.cuts["a.log"] = [300_000, 0, 0, 0, 0, 0]
    lines, report = read(BucketStore(server.client(), BUCKET), "a.log")
    assert not report.whole
    assert "connection broke" in report.error
    assert len(lines) > 1000
    assert lines == data.decode().splitlines()[: len(lines)]
    assert len(server.got()) == 4


def test_an_object_replaced_while_it_is_read_is_not_stitched_together(server):
    data = lines_of(60_000)
    server.objects["a.log"] = data
    server.cuts["a.log"] = [300_000]
    with BucketStore(server.client(), BUCKET).open("a.log") as stream:
        begun = stream.read(1000)
        server.objects["a.log"] = b"other" * 200_000
        begun += stream.read()
        assert begun == data[: len(begun)]
        with pytest.raises(OSError, match="replaced"):
            stream.read()


def test_truncated_gzip_in_a_bucket_gives_its_beginning(aws):
    put(aws, "logs-a", "a.gz", data=gzip.compress(lines_of(5000))[:-300])
    lines, report = read(BucketStore(aws.client("s3"), "logs-a"), "a.gz")
    assert report.truncated
    assert lines[0] == "line 0 of the log"


def test_an_object_gone_since_it_was_listed_is_told(aws):
    put(aws, "logs-a", "a.log", "b.log")
    store = BucketStore(aws.client("s3"), "logs-a")
    listed = store.list()
    aws.client("s3").delete_object(Bucket="logs-a", Key="a.log")
    assert "listed but is gone" in read(store, listed[0].name)[1].error
    assert read(store, listed[1].name)[1].whole


def test_a_stream_gives_as_many_bytes_as_asked_for(server):
    server.objects["a"] = bytes(range(256)) * 2000
    with BucketStore(server.client(), BUCKET).open("a") as stream:
        assert stream.read(300_000) == server.objects["a"][:300_000]
        assert stream.read() == server.objects["a"][300_000:]
        assert stream.read(5) == b""


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
def test_the_cluster_is_found(server, prefix, locations, setting):
    root = f"{prefix}/{CLUSTER}".lstrip("/")
    server.objects.update({f"{root}/steps/{STEP}/stderr.gz": b"x", "other-team/j-3OTHER00001/x": b""})
    store, _ = search(
        server.client(), *(u.format(b=BUCKET) for u in locations), setting=setting.format(b=BUCKET)
    )
    assert names(store.list()) == [f"steps/{STEP}/stderr.gz"]


def test_a_step_may_log_elsewhere_than_its_cluster(server):
    server.objects = {
        f"own/{CLUSTER}/steps/{STEP}/stderr.gz": b"own",
        f"logs/{CLUSTER}/steps/{STEP}/stderr.gz": b"old",
        f"logs/{CLUSTER}/containers/application_1_0001/container_1_0001_01_000001/stderr.gz": b"driver",
    }
    store, gaps = search(server.client(), f"s3://{BUCKET}/own", f"s3://{BUCKET}/logs", setting=BUCKET)
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


def test_the_place_with_the_step_comes_first(server):
    server.objects = {
        f"a/{CLUSTER}/steps/s-9OTHER/stderr.gz": b"a",
        f"b/{CLUSTER}/steps/s-9OTHER/stderr.gz": b"b",
        f"b/{CLUSTER}/steps/{STEP}/stderr.gz": b"b",
    }
    store, _ = search(server.client(), f"s3://{BUCKET}/a", f"s3://{BUCKET}/b")
    assert read(store, store.list("steps/s-9OTHER/")[0].name)[0] == ["b"]


def test_one_of_two_places_that_is_refused_later_is_a_gap(server):
    server.objects = {f"{p}/{CLUSTER}/steps/{STEP}/stderr.gz": b"x" for p in "ab"}
    store, _ = search(server.client(), f"s3://{BUCKET}/a", f"s3://{BUCKET}/b")
    server.refused_listings["b/"] = Fault(403, "AccessDenied")
    found = store.list()
    assert names(found) == [f"steps/{STEP}/stderr.gz"]
    assert not found.complete
    assert "s3:ListBucket" in found.gaps[0]
    server.refused_listings["a/"] = Fault(403, "AccessDenied")
    with pytest.raises(PermissionError):
        store.list()


def test_without_the_step_s_folder_the_cluster_s_is_taken(server):
    server.objects = {f"a/{CLUSTER}/node/x": b""}
    store, _ = search(server.client(), f"s3://{BUCKET}/a", step="s-NONE")
    assert store.prefix == f"a/{CLUSTER}"


def test_the_bucket_setting_is_not_searched_when_the_step_is_found(server):
    server.objects = {f"logs/{CLUSTER}/steps/{STEP}/stderr.gz": b"x"}
    search(server.client(), f"s3://{BUCKET}/logs", setting=BUCKET)
    assert server.listed() == [f"logs/{CLUSTER}/", f"logs/{CLUSTER}/steps/{STEP}/"]


def test_only_so_many_folders_of_the_bucket_are_looked_into(server):
    server.objects = {f"team-{n:03d}/j-3OTHER00001/x": b"" for n in range(130)}
    _, gaps = search(server.client(), setting=BUCKET)
    assert len(server.requests) == 2 + 1 + 100
    assert any("only the first 100 folders" in gap for gap in gaps)
    assert len(" ".join(gaps)) < 1000


def test_of_places_found_nothing_is_left_out(server):
    store, gaps = search(server.client(), f"s3://{BUCKET}/logs", setting=BUCKET)
    assert not store.list()
    (gap,) = gaps
    assert f"s3://{BUCKET}/logs/{CLUSTER}/" in gap
    assert f"s3://{BUCKET}/elasticmapreduce/{CLUSTER}/" in gap
    assert "missing" in gap


def test_a_forbidden_place_is_told_from_an_empty_one(server):
    server.refused_listings["logs/"] = Fault(403, "AccessDenied")
    store, gaps = search(server.client(), f"s3://{BUCKET}/logs", f"s3://{BUCKET}/else")
    assert not store.list()
    assert any("s3:ListBucket" in gap and f"s3://{BUCKET}/logs/{CLUSTER}/" in gap for gap in gaps)
    assert f"looked under s3://{BUCKET}/else/{CLUSTER}/" in gaps[-1]


def test_many_forbidden_folders_are_not_all_named(server):
    server.objects = {f"team-{n:03d}/x": b"" for n in range(30)}
    server.refused_listings["team-"] = Fault(403, "AccessDenied")
    _, gaps = search(server.client(), setting=BUCKET)
    assert any("25 more places" in gap for gap in gaps)
    assert len(gaps) == 7


def test_a_step_s_folder_that_is_refused_leaves_the_cluster_s(server):
    server.objects = {f"logs/{CLUSTER}/containers/x": b""}
    server.refused_listings[f"logs/{CLUSTER}/steps/"] = Fault(403, "AccessDenied")
    store, gaps = search(server.client(), f"s3://{BUCKET}/logs")
    assert store.prefix == f"logs/{CLUSTER}"
    assert "s3:ListBucket" in gaps[0]


def test_no_place_at_all_says_what_to_set(server):
    store, gaps = search(server.client())
    assert not store.list()
    assert "S3_LOG_BUCKET" in gaps[0]
    assert not server.requests


def test_a_network_that_is_down_is_asked_once():
    with BucketServer() as server:
        client = server.client()
    _, gaps = search(client, "s3://aaa/x", "s3://bbb/x", "s3://ccc/x", setting="ddd")
    assert sum("can't be reached" in gap for gap in gaps) == 1
