"""A real PostgreSQL for one job: on the loopback interface, prepared with SQL, gone when the context ends.

Found where Debian and Red Hat install it, or on the PATH. It does not run as root: root hands it to nobody.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from evals.errors import PrerequisiteError, ScenarioError

USER: Final = "etl"
"""Name of the role that owns the database, of the database, and its password."""

_NOBODY: Final = 65534
_SECONDS: Final = 60
_PLACES: Final = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")
_ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_SHOWN_CHARS: Final = 400


@contextlib.contextmanager
def running(sql: str) -> Iterator[int]:
    """Start a server, run `sql` as the owner of database `etl`, and give the server's port.

    Raises:
        PrerequisiteError: PostgreSQL is not installed.
        ScenarioError: It does not start, or refuses the SQL.
    """
    programs = find_programs()
    with tempfile.TemporaryDirectory(prefix="evals-lab-pg-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), _free_port()
        if os.geteuid() == 0:
            os.chown(folder, _NOBODY, _NOBODY)
        secret = folder / "password"
        secret.write_text(USER, encoding="utf-8")
        secret.chmod(0o644)
        data = str(folder / "data")
        _call(
            [
                str(programs / "initdb"),
                "-D",
                data,
                "-U",
                USER,
                "-A",
                "scram-sha-256",
                "--pwfile",
                str(secret),
                "-E",
                "UTF8",
                "--no-sync",
            ]
        )
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        control = [str(programs / "pg_ctl"), "-D", data, "-w"]
        _call([*control, "-l", str(folder / "log"), "-o", options, "start"])
        try:
            base = [
                str(programs / "psql"),
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
                "-U",
                USER,
                "-v",
                "ON_ERROR_STOP=1",
                "-q",
            ]
            _call([*base, "-d", "postgres", "-c", f"CREATE DATABASE {USER}"])
            _call([*base, "-d", USER, "-f", "-"], text=sql)
            yield port
        finally:
            _call([*control, "-m", "immediate", "stop"])


def find_programs() -> Path:
    """Find the folder of the server's programs.

    Raises:
        PrerequisiteError: It is not installed.
    """
    found = [
        path for place in _PLACES for path in sorted(Path("/").glob(place)) if (path / "initdb").is_file()
    ]
    if not found and (program := shutil.which("initdb")):
        found = [Path(program).resolve().parent]
    if not found:
        raise PrerequisiteError(
            "postgresql: no initdb found; install PostgreSQL (for example apt-get install postgresql)"
        )
    return found[-1]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _call(command: Sequence[str], text: str = "") -> None:
    drop = (
        ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    )
    # To files, not pipes: the server keeps the streams of pg_ctl open.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(  # noqa: S603 (PostgreSQL's own programs, no shell)
            [*drop, *command], input=text.encode(), stdout=said, stderr=said, cwd="/",
            env={**_ENVIRONMENT, "PGPASSWORD": USER}, timeout=_SECONDS, check=False,
        )  # fmt: skip
        said.seek(0)
        shown = said.read().decode(errors="replace").strip()[-_SHOWN_CHARS:]
    if done.returncode:
        raise ScenarioError(f"{Path(command[0]).name} failed: {shown}; correct the service's SQL")
