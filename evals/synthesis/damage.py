"""Files of a finished run → the same files as they reach S3 on a bad day: cut, odd, or not there.

Pure. A damage tells whether the driver's log is still whole; what that means for the label is decided by
who applies it (`generator`).
"""

import gzip
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from evals.synthesis.ground import Ground
from evals.synthesis.startup import driver_log

_GZIP: Final = 31
"""zlib's `wbits` for the gzip format."""


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One way in which logs arrive incomplete."""

    name: str
    apply: Callable[[Ground, dict[str, bytes], random.Random], dict[str, bytes]]
    driver_whole: bool = False
    """The driver's stderr is untouched, so a rerun may still be called safe."""
    may_hide: bool = False
    """It may take every evidence line with it; the case is then LOGS_UNAVAILABLE."""


def pack(text: str | bytes) -> bytes:
    """Compress one file: the same bytes for the same text."""
    data = text.encode("utf-8") if isinstance(text, str) else text
    return gzip.compress(data, compresslevel=9, mtime=0)


def driver_name(ground: Ground) -> str:
    """The path of the driver's stderr in the last attempt, below the cluster's folder."""
    log = driver_log(ground)
    return next(path for path, stream in ground.streams.items() if stream is log) + ".gz"


def cut_archive(ground: Ground, files: dict[str, bytes], rng: random.Random) -> dict[str, bytes]:
    """The driver's gzip ends early: no end mark, no checksum, the text stops anywhere."""
    name = driver_name(ground)
    text = gzip.decompress(files[name])
    engine = zlib.compressobj(9, wbits=_GZIP)
    # Cut by text, not by bytes: the same text is left whatever the version of zlib.
    head = engine.compress(text[: int(len(text) * rng.uniform(0.80, 0.97))])
    return files | {name: head + engine.flush(zlib.Z_SYNC_FLUSH)}


def cut_line(ground: Ground, files: dict[str, bytes], rng: random.Random) -> dict[str, bytes]:
    """The driver's log ends in the middle of a line, as it does when the node goes before the last upload."""
    name = driver_name(ground)
    text = gzip.decompress(files[name]).decode()
    end = int(len(text) * rng.uniform(0.85, 0.98))
    while end > 1 and (text[end - 1] == "\n" or text[end : end + 1] == "\n"):
        end -= 1
    return files | {name: pack(text[:end])}


def no_driver(ground: Ground, files: dict[str, bytes], _: random.Random) -> dict[str, bytes]:
    """The master's container of the last attempt was not uploaded (client mode: the step's stderr)."""
    if ground.mode == "client":
        gone = f"steps/{ground.step_id}/stderr"
    else:
        gone = f"containers/{ground.application}/{ground.container(1)}/"
    return {path: data for path, data in files.items() if not path.startswith(gone)}


def no_containers(ground: Ground, files: dict[str, bytes], _: random.Random) -> dict[str, bytes]:
    """No container's and no daemon's log was uploaded: only the step's own files are there."""
    return {path: data for path, data in files.items() if path.startswith(f"steps/{ground.step_id}/")}


def nothing_but_controller(ground: Ground, files: dict[str, bytes], _: random.Random) -> dict[str, bytes]:
    """Only the controller's log is there."""
    keep = f"steps/{ground.step_id}/controller.gz"
    return {path: data for path, data in files.items() if path == keep}


def no_executors(ground: Ground, files: dict[str, bytes], _: random.Random) -> dict[str, bytes]:
    """The executors' containers were not uploaded."""
    return {
        path: data for path, data in files.items()
        if not path.startswith("containers/") or path.split("/")[2].endswith("_000001")
    }  # fmt: skip


def no_daemons(_: Ground, files: dict[str, bytes], __: random.Random) -> dict[str, bytes]:
    """No daemon's log was uploaded."""
    return {path: data for path, data in files.items() if not path.startswith("node/")}


def small_gaps(ground: Ground, files: dict[str, bytes], _: random.Random) -> dict[str, bytes]:
    """Files that say nothing are missing: prelaunch.out and syslog."""
    return {
        path: data for path, data in files.items() if not path.endswith(("prelaunch.out.gz", "syslog.gz"))
    }


def odd_bytes(ground: Ground, files: dict[str, bytes], rng: random.Random) -> dict[str, bytes]:
    """The driver's stdout begins with bytes that are no UTF-8, colours, and Windows line ends."""
    name = _driver_out(ground)
    if name not in files:
        return files
    noise = bytes(rng.randrange(128, 256) for _ in range(40))
    head = b"\x1b[32mrows\x1b[0m\r\n" + noise + b"\r\n"
    return files | {name: pack(head + gzip.decompress(files[name]))}


def long_line(ground: Ground, files: dict[str, bytes], rng: random.Random) -> dict[str, bytes]:
    """The driver's stdout begins with one line of a few hundred kilobytes."""
    name = _driver_out(ground)
    if name not in files:
        return files
    column = f"{ground.names.column}={rng.randrange(1000, 9999)};"
    line = (column * (rng.randrange(200_000, 900_000) // len(column))).encode()
    return files | {name: pack(line + b"\n" + gzip.decompress(files[name]))}


def _driver_out(ground: Ground) -> str:
    if ground.mode == "client":
        return f"steps/{ground.step_id}/stdout.gz"
    return f"containers/{ground.application}/{ground.container(1)}/stdout.gz"


DAMAGES: Final = (
    Damage(name="cut-archive", apply=cut_archive),
    Damage(name="cut-line", apply=cut_line),
    Damage(name="no-driver", apply=no_driver),
    Damage(name="no-containers", apply=no_containers, may_hide=True),
    Damage(name="controller-only", apply=nothing_but_controller, may_hide=True),
    Damage(name="no-executors", apply=no_executors, driver_whole=True),
    Damage(name="no-daemons", apply=no_daemons, driver_whole=True),
    Damage(name="small-gaps", apply=small_gaps, driver_whole=True),
    Damage(name="odd-bytes", apply=odd_bytes, driver_whole=True),
    Damage(name="long-line", apply=long_line, driver_whole=True),
)
