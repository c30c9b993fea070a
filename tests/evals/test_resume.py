"""A run that is killed in the middle and taken up again gives the same result as one that was not."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def command(folder: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "evals",
        "run",
        "datasets/lab",
        "--repeats",
        "3",
        "--jobs",
        "2",
        "--output",
        str(folder),
    ]


def without_times(folder: Path) -> bytes:
    result: dict[str, Any] = json.loads((folder / "result.json").read_bytes())
    del result["provenance"]
    for row in result["rows"]:
        del row["timing"]
    return json.dumps(result).encode()


def lines(folder: Path) -> int:
    journal = folder / "journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for stop_at in (10, 50):
        program = subprocess.Popen(
            command(killed), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while lines(killed) < stop_at and program.poll() is None:
            time.sleep(0.01)
        program.send_signal(signal.SIGKILL)
        assert program.wait() == -signal.SIGKILL, "it was killed before its end"
    assert not (killed / "result.json").exists()
    rest = subprocess.run(command(killed), cwd=ROOT, capture_output=True, text=True, check=False)
    assert rest.returncode == 0, rest.stderr
    planned = 3 * len((ROOT / "datasets/lab/cases.jsonl").read_text().splitlines())
    assert f"of {planned} answers are there" in rest.stderr
    assert subprocess.run(command(whole), cwd=ROOT, capture_output=True, check=False).returncode == 0
    assert lines(killed) == lines(whole) == planned + 1
    assert without_times(killed) == without_times(whole)
