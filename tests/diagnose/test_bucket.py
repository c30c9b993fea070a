"""Logs in S3: listing within bounds, streams that break, errors in our own words."""

import gzip

import pytest
from awsserver import AwsServer
from bucketread import names, read
from bucketserver import BUCKET, BucketServer, Fault

from diagnose.bucket import BucketStore
from diagnose.log import LogStore, WideStore

CLUSTER = "j-2AXTREE000001"


@pytest.fixture(scope="module")
def moto():
    with AwsServer() as server:
        yield server


@pytest.fixture
def aws(moto):
    moto.reset()
    return moto


def put(aws, bucket, *keys, data=b"x"):
    aws.bucket(bucket)
    for key in keys:
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=data)


def test_a_bucket_is_a_wide_store(bucket_server):
    store: LogStore = BucketStore(bucket_server.client(), BUCKET)
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


def test_more_keys_than_the_bound_are_told(bucket_server):
    bucket_server.objects.update({f"containers/app/{n:03d}.gz": b"" for n in range(50)})
    found = BucketStore(bucket_server.client(), BUCKET, page_keys=7, max_listed=20).list("containers/app/")
    assert len(found) == 20
    assert not found.complete
    assert any("more than 20 files" in gap for gap in found.gaps)
    assert len(bucket_server.listed()) <= 4
    exact = BucketStore(bucket_server.client(), BUCKET, page_keys=10, max_listed=50).list("containers/app/")
    assert exact.complete
    assert len(exact) == 50


def test_the_head_is_one_request_and_says_whether_it_is_all(bucket_server):
    bucket_server.objects.update({f"k{n}": b"" for n in range(5)})
    assert not BucketStore(bucket_server.client(), BUCKET, page_keys=4).head().complete
    assert BucketStore(bucket_server.client(), BUCKET, page_keys=5).head().complete
    assert len(bucket_server.listed()) == 2


def test_folders_that_can_t_be_listed_below_a_star_are_one_gap(bucket_server):
    bucket_server.objects.update({f"node/i-{n}/applications/hadoop-yarn/x.log": b"" for n in range(9)})
    bucket_server.refused_listings = {f"node/i-{n}/": Fault(403, "AccessDenied") for n in range(8)}
    found = BucketStore(bucket_server.client(), BUCKET).list("node/*/applications/hadoop-yarn/")
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

    with Broken({f"k{n}": b"" for n in range(9)}) as bucket_server:
        found = BucketStore(bucket_server.client(), BUCKET, page_keys=4).list()
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
def test_a_refused_object_is_told_in_our_own_words(bucket_server, fault, kind, words):
    bucket_server.objects["a.log"] = b"x"
    bucket_server.faults["a.log"] = fault
    with pytest.raises(kind) as caught:
        BucketStore(bucket_server.client(), BUCKET).open("a.log")
    told = caught.value.strerror
    assert words in told
    assert fault.message not in told
    assert "arn:" not in told
    assert caught.value.__cause__ is None


def test_a_bucket_that_is_not_there_is_told(bucket_server):
    for act in (lambda store: store.list(), lambda store: store.open("x"), lambda store: store.head()):
        with pytest.raises(FileNotFoundError) as caught:
            act(BucketStore(bucket_server.client(), "another-bucket"))
        assert "no such bucket" in caught.value.strerror


def test_an_endpoint_that_can_t_be_reached_is_told():
    with BucketServer() as bucket_server:
        client = bucket_server.client()
    with pytest.raises(OSError, match="can't be reached"):
        BucketStore(client, BUCKET).list()


def test_no_credentials_are_told(bucket_server):
    import boto3
    from botocore.session import Session

    session = Session()
    session.set_config_variable("region", "us-east-1")
    session.get_component("credential_provider").providers = []
    client = boto3.Session(botocore_session=session).client("s3", endpoint_url=bucket_server.endpoint)
    with pytest.raises(OSError, match="no AWS credentials"):
        BucketStore(client, BUCKET).list()
    client.close()


def test_an_answer_that_is_not_s3_s_is_told(bucket_server):
    bucket_server._http.RequestHandlerClass._listing = lambda handler, _: handler._send(
        200, b"<html><body>Sign in"
    )
    with pytest.raises(OSError, match="try again later"):
        BucketStore(bucket_server.client(), BUCKET).list()


def lines_of(count):
    return b"".join(b"line %d of the log\n" % n for n in range(count))


@pytest.mark.parametrize("packed", [False, True])
def test_a_stream_goes_on_where_its_connection_broke(bucket_server, packed):
    data = lines_of(60_000)
    stored = gzip.compress(data, mtime=0) if packed else data
    bucket_server.objects["a.log"] = stored
    bucket_server.cuts["a.log"] = [len(stored) // 2, 0, 10]
    lines, report = read(BucketStore(bucket_server.client(), BUCKET), "a.log")
    assert report.whole
    assert lines == data.decode().splitlines()
    assert len(bucket_server.got()) == 4


def test_a_stream_that_breaks_too_often_keeps_its_beginning(bucket_server):
    data = lines_of(60_000)
    bucket_server.objects["a.log"] = data
    bucket_server.cuts["a.log"] = [300_000, 0, 0, 0, 0, 0]
    lines, report = read(BucketStore(bucket_server.client(), BUCKET), "a.log")
    assert not report.whole
    assert "connection broke" in report.error
    assert len(lines) > 1000
    assert lines == data.decode().splitlines()[: len(lines)]
    assert len(bucket_server.got()) == 4


def test_an_object_replaced_while_it_is_read_is_not_stitched_together(bucket_server):
    data = lines_of(60_000)
    bucket_server.objects["a.log"] = data
    bucket_server.cuts["a.log"] = [300_000]
    with BucketStore(bucket_server.client(), BUCKET).open("a.log") as stream:
        begun = stream.read(1000)
        bucket_server.objects["a.log"] = b"other" * 200_000
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


def test_a_stream_gives_as_many_bytes_as_asked_for(bucket_server):
    bucket_server.objects["a"] = bytes(range(256)) * 2000
    with BucketStore(bucket_server.client(), BUCKET).open("a") as stream:
        assert stream.read(300_000) == bucket_server.objects["a"][:300_000]
        assert stream.read() == bucket_server.objects["a"][300_000:]
        assert stream.read(5) == b""
