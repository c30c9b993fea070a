"""Reading ahead: the same bytes in the same order, with the waiting side by side, and nothing left behind."""

import gzip
import io
import threading

import pytest
from bucketserver import BUCKET, BucketServer, Fault

from diagnose.ahead import ReadAhead
from diagnose.bucket import BucketStore
from diagnose.failure import Failure, JobContext
from diagnose.incident import gather
from diagnose.log import MemoryStore
from diagnose.settings import Settings

FILES = {f"{n:02d}.log": bytes([n]) * (n * 100_000) for n in range(12)}


class Watched:
    """A store that notes what was opened and closed, and how many were open at once."""

    def __init__(self, files, broken=()):
        self.files, self.broken = files, broken
        self.opened, self.streams = [], []
        self.lock = threading.Lock()

    def list(self, under=""):
        return MemoryStore(self.files).list(under)

    def open(self, name):
        with self.lock:
            self.opened.append(name)
        if name in self.broken:
            raise PermissionError(13, "Permission denied")
        stream = io.BytesIO(self.files[name])
        with self.lock:
            self.streams.append(stream)
        return stream


def threads():
    return [t.name for t in threading.enumerate() if t.name.startswith("read-ahead")]


@pytest.mark.parametrize("depth", [1, 3, 20])
@pytest.mark.parametrize("head_bytes", [1, 65_536, 1 << 20])
def test_the_same_bytes_come_in_the_same_order(depth, head_bytes):
    store = Watched(FILES)
    with ReadAhead(store, depth, head_bytes) as ahead:
        ahead.expect(sorted(FILES))
        for name in sorted(FILES):
            with ahead.open(name) as stream:
                assert stream.read(10) == FILES[name][: min(10, head_bytes)]
                rest = FILES[name][min(10, head_bytes) :]
                assert b"".join(iter(lambda s=stream: s.read(70_000), b"")) == rest
    assert sorted(store.opened) == sorted(FILES)
    assert all(stream.closed for stream in store.streams)
    assert not threads()


def test_reading_without_a_size_gives_all_of_it():
    with ReadAhead(MemoryStore(FILES), 2, 1000) as ahead:
        ahead.expect(["03.log"])
        with ahead.open("03.log") as stream:
            assert stream.readable()
            assert stream.read() == FILES["03.log"]


def test_no_more_is_opened_than_the_depth():
    store = Watched(FILES)
    with ReadAhead(store, 3) as ahead:
        ahead.expect(sorted(FILES))
        ahead.open("00.log").close()
        ahead.open("01.log").close()
    assert len(store.opened) <= 5
    assert set(store.opened) <= set(sorted(FILES)[:5])


def test_what_was_opened_ahead_and_never_asked_for_is_closed():
    store = Watched(FILES, broken=["02.log"])
    with ReadAhead(store, 5) as ahead:
        ahead.expect(sorted(FILES))
    assert all(stream.closed for stream in store.streams)
    assert not threads()


def test_everything_is_closed_when_the_caller_fails():
    store = Watched(FILES)

    def fail():
        with ReadAhead(store, 5) as ahead:
            ahead.expect(sorted(FILES))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert all(stream.closed for stream in store.streams)
    assert not threads()


def test_an_error_comes_at_its_own_file_only():
    with ReadAhead(Watched(FILES, broken=["01.log"]), 4) as ahead:
        ahead.expect(["00.log", "01.log", "02.log"])
        assert ahead.open("00.log").read() == b""
        with pytest.raises(PermissionError):
            ahead.open("01.log")
        assert ahead.open("02.log").read() == FILES["02.log"]


def test_an_error_inside_a_file_comes_after_what_was_read():
    class Breaking(io.BytesIO):
        def read(self, size=-1):
            block = super().read(size)
            if not block:
                raise ConnectionResetError(104, "the connection broke")
            return block

    class Store(Watched):
        def open(self, name):
            return Breaking(b"abc")

    with ReadAhead(Store({}), 2) as ahead:
        ahead.expect(["x"])
        with ahead.open("x") as stream:
            assert stream.read(100) == b"abc"
            with pytest.raises(ConnectionResetError):
                stream.read(100)


def test_a_file_nobody_expected_or_asked_for_twice_is_opened_at_once():
    store = Watched(FILES)
    with ReadAhead(store, 2) as ahead:
        ahead.expect(["01.log", "02.log", "03.log", "04.log"])
        for name in ("04.log", "09.log", "01.log", "01.log"):
            with ahead.open(name) as stream:
                assert stream.read() == FILES[name]
    assert store.opened.count("04.log") == 1
    assert store.opened.count("01.log") == 2


def test_listing_is_the_store_s():
    with ReadAhead(MemoryStore(FILES)) as ahead:
        assert ahead.list() == MemoryStore(FILES).list()


def test_requests_wait_side_by_side():
    """The server answers nobody before four requests are open at once: one after the other would never end."""
    app = "application_1795331436133_0007"
    ident = "container_1795331436133_0007_01_00000"
    objects = {
        f"containers/{app}/{ident}{n}/stderr.gz": gzip.compress(b"26/11/22 07:00:00 ERROR X: y\n")
        for n in range(1, 9)
    }
    with BucketServer(objects) as server:
        server.gate = threading.Barrier(4, timeout=10).wait
        store = BucketStore(server.client(), BUCKET)
        failure = Failure(step_id="s-1AXTREE000001", applications=(app,))
        incident = gather(store, failure, JobContext(), Settings())
        assert sorted(server.got()) == sorted(objects)
    assert [scan.source.file for scan in incident.scans] == sorted(objects)
    assert all(scan.report.whole and scan.lines == 1 for scan in incident.scans)


def test_a_refused_object_opened_ahead_is_a_gap_of_that_object():
    app, ident = "application_1_0007", "container_1_0007_01_00000"
    objects = {f"containers/{app}/{ident}{n}/stderr.gz": gzip.compress(b"one\n") for n in range(1, 6)}
    with BucketServer(objects) as server:
        refused = f"containers/{app}/{ident}3/stderr.gz"
        server.faults[refused] = Fault(403, "AccessDenied")
        incident = gather(
            BucketStore(server.client(), BUCKET), Failure(applications=(app,)), JobContext(), Settings()
        )
    assert [scan.source.file for scan in incident.scans if not scan.report.whole] == [refused]
    assert [scan.lines for scan in incident.scans] == [1, 1, 0, 1, 1]
    assert any(gap.startswith(refused) and "s3:GetObject" in gap for gap in incident.gaps)
