import http.client
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.endpoint.cli import main

Build = Callable[..., Any]
Captured = pytest.CaptureFixture[str]


def test_chosen_cases_are_printed_under_their_dataset(dataset: Build, capsys: Captured) -> None:
    assert main(["select", f"{dataset('b', 'a', 'c')}:2"]) == 0
    assert capsys.readouterr().out == "# set: 2 of 3 cases\na\nb\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["select", "datasets/lab"],
        ["select", "datasets/lab:none"],
        ["--port", "65536"],
        ["--port", "-1"],
        ["--threads", "0"],
        ["record", "datasets/lab"],
        ["guess"],
    ],
)
def test_wrong_usage_exits_2(arguments: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_our_own_errors_end_in_one_line(dataset: Build, tmp_path: Path, capsys: Captured) -> None:
    options = ["record", str(dataset("a")), "--output", str(tmp_path / "r.jsonl"), "--prompt"]
    assert main([*options, "v999"]) == 2
    assert main([*options, "v1", "--subset", str(tmp_path / "none.txt")]) == 2
    assert main(["select", f"{tmp_path / 'none'}:1"]) == 2
    assert main([*options, "v1", "--max-tokens", "1"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 4
    assert all(line.startswith("evals.endpoint: ") for line in errors)


def test_a_server_needs_its_model_at_the_start(tmp_path: Path, capsys: Captured) -> None:
    assert main(["--model", str(tmp_path / "none.gguf")]) == 2
    assert capsys.readouterr().out == ""


SERVER = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # background shells hand on that it is ignored
from evals.endpoint.cli import main
from evals.endpoint.model import ScriptedModel
sys.exit(main(["--port", "0"], model=ScriptedModel(texts=["x"])))
"""


def test_the_server_prints_its_address_and_stops_when_interrupted() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
        connection.request("GET", "/")
        status = connection.getresponse().status
        connection.close()
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0
    assert address.startswith("http://127.0.0.1:")
    assert status == 404


def test_the_package_runs_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr(sys, "argv", ["evals.endpoint", "--help"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("evals.endpoint", run_name="__main__")
    assert stop.value.code == 0
    assert "record" in capsys.readouterr().out
