import socket

import pytest

from evals.errors import PrerequisiteError, ScenarioError
from evals.lab import database
from evals.lab.scenario import Service
from evals.lab.service import serving


def test_a_missing_server_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_PLACES", ())
    monkeypatch.setattr(database.shutil, "which", lambda _name: None)
    with pytest.raises(PrerequisiteError, match="postgresql: no initdb found; install PostgreSQL"):
        database.find_programs()


def installed() -> bool:
    try:
        database.find_programs()
    except PrerequisiteError:
        return False
    return True


@pytest.mark.skipif(not installed(), reason="no PostgreSQL here")
class TestReal:
    def test_it_answers_while_the_job_runs(self) -> None:
        service = Service(name="dwh", kind="database", text="CREATE TABLE t (id int PRIMARY KEY);")
        with serving([service]) as addresses:
            host, _, port = addresses["service:dwh"].partition(":")
            with socket.create_connection((host, int(port)), timeout=5) as client:
                client.sendall(bytes.fromhex("0000000804d2162f"))  # SSLRequest
                assert client.recv(1) in b"SN"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), timeout=5)

    def test_sql_that_is_refused_is_told(self) -> None:
        with pytest.raises(ScenarioError, match="syntax error"), database.running("nonsense;"):
            pass
