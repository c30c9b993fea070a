import socket
import urllib.error
import urllib.request

import pytest

from evals.lab.scenario import Service
from evals.lab.service import serving


def status(address: str) -> int:
    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def connect(address: str) -> socket.socket:
    host, port = address.split(":")
    return socket.create_connection((host, int(port)), timeout=5)


def test_http_answers_its_statuses_and_keeps_the_last() -> None:
    with serving([Service(name="api", kind="http", statuses=(200, 503))]) as addresses:
        assert [status(addresses["service:api"]) for _ in range(3)] == [200, 503, 503]


def test_http_answers_a_head_request_without_a_body() -> None:
    service = Service(name="store", kind="http", statuses=(404,), text="<Error/>")
    with serving([service]) as addresses, connect(addresses["service:store"]) as client:
        client.sendall(b"HEAD /bucket HTTP/1.1\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(500), b""))
    assert b"Content-Type: application/xml\r\nContent-Length: 8" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_closed_refuses() -> None:
    with serving([Service(name="db", kind="closed")]) as addresses, pytest.raises(ConnectionRefusedError):
        connect(addresses["service:db"])


def test_hangup_reads_and_closes() -> None:
    with serving([Service(name="p", kind="hangup")]) as addresses, connect(addresses["service:p"]) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(10) == b""


def test_silent_never_answers() -> None:
    with serving([Service(name="s", kind="silent")]) as addresses, connect(addresses["service:s"]) as client:
        client.sendall(b"hello")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(10)


def test_postgres_declines_tls_and_answers_an_error() -> None:
    service = Service(name="pg", kind="postgres", code="57P03", text="starting up")
    with serving([service]) as addresses, connect(addresses["service:pg"]) as client:
        client.sendall(bytes.fromhex("0000000804d2162f"))
        assert client.recv(1) == b"N"
        client.sendall(b"\x00\x00\x00\x08\x00\x03\x00\x00")
        answer = client.recv(200)
    assert answer.startswith(b"E")
    assert b"C57P03\0Mstarting up\0" in answer


def test_every_service_is_on_loopback_and_gone_afterwards() -> None:
    with serving([Service(name="api", kind="http")]) as addresses:
        address = addresses["service:api"]
        assert address.startswith("127.0.0.1:")
    with pytest.raises(ConnectionRefusedError):
        connect(address)
