"""How fast logs are read: ours, swept and line by line, beside grep's way and the bare engines.

    python -m benchmarks.extraction [--megabytes 200] [--rounds 3] [--huge] [--families]

Each contender runs in a process of its own on one core, over the same gzipped tree of an EMR cluster; rounds
are interleaved and the best counts. Rates are megabytes of unpacked log per second of processor time, that of
child processes included: on one core that is the time that passes, and other work on the machine counts less.
The first run includes the building of automata. `--huge` adds peak memory for 2 GB of logs, one line of 600 MB
and a gzip bomb; `--families` what each family of patterns costs: hyperscan alone over the unpacked blocks, with
all patterns, without each family, and with nothing but it, and what looking for nothing at all takes there.
"""

import argparse
import gzip
import importlib.util
import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from benchmarks.tree import APPLICATION, DRIVER, LogWriter, write_tree
from diagnose import reason, sieve
from diagnose.anchor import FATAL, HINT
from diagnose.daemon import DaemonFilter
from diagnose.inflate import BLOCK_BYTES
from diagnose.layout import SourceKind, classify
from diagnose.log import ReadBudget, ReadReport, read_lines
from diagnose.scan import Scanner

_DAEMONS: Final = (SourceKind.NODE_MANAGER, SourceKind.RESOURCE_MANAGER)


def _scan_all(files: list[Path], *, sweeps: bool) -> None:
    scanner, budget = Scanner(sweeps=sweeps), ReadBudget(1 << 50)
    daemons = DaemonFilter([f"application_{APPLICATION}"])
    for path in files:
        source, report = classify(path.as_posix()), ReadReport()
        with path.open("rb") as stream:
            relevant = daemons if source.kind in _DAEMONS else None
            hear = relevant.hear if relevant else None
            lines = read_lines(stream, budget=budget, report=report, hear=hear)
            scanner.scan(source, lines, report, relevant=relevant)


def swept(files: list[Path]) -> None:
    """Read as `diagnose` does, with hyperscan and isal."""
    _scan_all(files, sweeps=True)


def line_by_line(files: list[Path]) -> None:
    """Read as `diagnose` does without hyperscan."""
    _scan_all(files, sweeps=False)


def zcat_rg(files: list[Path]) -> None:
    """Pipe `zcat` into ripgrep with the same anchors and ten lines of context."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as patterns:
        patterns.write("\n".join((*FATAL, *HINT)) + "\n")
        patterns.flush()
        _pipe(["zcat", *map(str, files)], [_ripgrep(), "-f", patterns.name, "-C10"])


def _pipe(first: list[str], second: list[str]) -> None:
    with subprocess.Popen(first, stdout=subprocess.PIPE) as source:
        subprocess.run(second, stdin=source.stdout, stdout=subprocess.DEVNULL, check=False)


def _ripgrep() -> str:
    beside = Path(sys.executable).with_name("rg")
    return str(beside) if beside.exists() else "rg"


def isal_only(files: list[Path]) -> None:
    """Unpack with isal, and nothing else."""
    for _ in _isal_blocks(files):
        pass


def isal_hyperscan(files: list[Path]) -> None:
    """Unpack with isal and search each block for the anchors with hyperscan; nobody looks at the hits."""
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    patterns = [pattern.encode() for pattern in (*FATAL, *HINT)]
    ids = list(range(len(patterns)))
    database.compile(expressions=patterns, ids=ids, elements=len(ids), flags=hyperscan.HS_FLAG_MULTILINE)
    for block in _isal_blocks(files):
        database.scan(block, match_event_handler=lambda *_: None)


def isal_sieve(files: list[Path]) -> None:
    """Unpack with isal and search each block for all that `diagnose` looks for; nobody looks at the hits."""
    found = sieve.load()
    for block in _isal_blocks(files):
        if found is not None:
            found.search(block, own=True, headers=False, applications=False, settings=False)


def _isal_blocks(files: list[Path]) -> Iterator[bytes]:
    from isal import isal_zlib

    for path in files:
        inflater = isal_zlib.decompressobj(wbits=31)
        with path.open("rb") as stream:
            while data := stream.read(BLOCK_BYTES):
                while data:
                    if block := inflater.decompress(data, BLOCK_BYTES):
                        yield block
                    data = inflater.unconsumed_tail


def re_lines(files: list[Path]) -> None:
    """Search each line for the anchors with the standard library."""
    anchors = re.compile("|".join((*FATAL, *HINT)).replace("(?i)", ""))
    for path in files:
        with gzip.open(path, "rt", errors="replace") as stream:
            for line in stream:
                anchors.search(line)


def drain3(files: list[Path]) -> None:
    """Cluster each line's template with drain3."""
    from drain3 import TemplateMiner
    from drain3.template_miner_config import TemplateMinerConfig

    miner = TemplateMiner(config=TemplateMinerConfig())
    for path in files:
        with gzip.open(path, "rt", errors="replace") as stream:
            for line in stream:
                miner.add_log_message(line.rstrip("\n"))


CONTENDERS: Final[dict[str, Callable[[list[Path]], None]]] = {
    "swept": swept, "line_by_line": line_by_line, "zcat_rg": zcat_rg, "isal_only": isal_only,
    "isal_hyperscan": isal_hyperscan, "isal_sieve": isal_sieve, "re_lines": re_lines, "drain3": drain3,
}  # fmt: skip
_SLOW: Final = ("line_by_line", "re_lines", "drain3")
_NEEDS: Final = {
    "swept": "hyperscan", "isal_only": "isal", "isal_hyperscan": "hyperscan", "isal_sieve": "hyperscan",
    "drain3": "drain3",
}  # fmt: skip


def _run_one(name: str, root: Path, *, small: bool) -> None:
    """Run one contender in this process, twice, and print seconds of each as JSON."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    files = sorted(root.rglob("*.gz"))
    if small:
        files = [path for path in files if "_000002/" in path.as_posix()]
    seconds = []
    for _ in range(1 if small else 2):
        start = _cpu_seconds()
        CONTENDERS[name](files)
        seconds.append(_cpu_seconds() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cold": seconds[0], "warm": min(seconds), "peak_mb": peak, "bytes": _unpacked(files)}))


def _cpu_seconds() -> float:
    """Give the processor time of this process and of those it has waited for."""
    return sum(os.times()[:4])


def _unpacked(files: list[Path]) -> int:
    return sum(int.from_bytes(path.read_bytes()[-4:], "little") for path in files)


def _measure(root: Path, rounds: int) -> dict[str, dict[str, float]]:
    names = [n for n in CONTENDERS if n not in _NEEDS or importlib.util.find_spec(_NEEDS[n])]
    if not (shutil.which("rg") or Path(_ripgrep()).exists()):
        names.remove("zcat_rg")
    best: dict[str, dict[str, float]] = {}
    for turn in range(rounds):
        for name in names:
            if name in _SLOW and turn:
                continue
            command = [sys.executable, "-m", "benchmarks.extraction", "--one", name, "--root", str(root)]
            row: dict[str, float] = json.loads(
                subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
            )
            rates = {key: row["bytes"] / 1e6 / row[key] for key in ("cold", "warm")} | {
                "peak_mb": row["peak_mb"]
            }
            kept = best.setdefault(name, rates)
            best[name] = {key: max(kept[key], rates[key]) for key in rates}
    return best


def _report(best: dict[str, dict[str, float]]) -> None:
    ours = best.get("swept", best["line_by_line"])["warm"]
    print(f"{'':16}{'MB/s':>8}{'first run':>11}{'ours is':>10}{'peak MB':>9}")
    for name, row in best.items():
        print(
            f"{name:16}{row['warm']:8.1f}{row['cold']:11.1f}{ours / row['warm']:9.2f}x{row['peak_mb']:9.0f}"
        )


FAMILIES: Final = {
    "hints": (reason.GRADE,), "ends, levels": (reason.GRADE | reason.DIRE,), "signs of writes": (reason.SIGN,),
    "the job's words": (reason.OWN,), "secrets": (reason.SECRET,),
    "tasks, states": (reason.TASK, reason.STATE, reason.STOP, reason.ATTEMPT),
}  # fmt: skip


def _families(root: Path, rounds: int) -> None:
    """Print what each family of patterns costs, in MB/s of hyperscan alone."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    blocks = list(_isal_blocks(sorted(root.rglob("*.gz"))))[::4]
    size, rows = sum(map(len, blocks)), sieve.rows()
    sets = {"all patterns": rows, "one word, never there": [("zqxjzqxj", reason.GRADE)]}
    for name, bits in FAMILIES.items():
        sets[f"without {name}"] = [row for row in rows if row[1] not in bits]
        sets[f"only {name}"] = [row for row in rows if row[1] in bits]
    built = {name: _database(some) for name, some in sets.items()}
    best = dict.fromkeys(built, float("inf"))
    for _ in range(4 * rounds):
        for name, database in built.items():
            start = time.process_time()
            for block in blocks:
                database.scan(block, match_event_handler=lambda *_: None)
            best[name] = min(best[name], time.process_time() - start)
    for name, seconds in best.items():
        print(f"{name:32}{size / 1e6 / seconds:8.0f} MB/s{seconds / size * 200e6:8.3f} s for 200 MB")


def _database(rows: sieve.Rows) -> Any:
    import hyperscan

    patterns = [pattern.encode("latin-1") for row, _ in rows for pattern in sieve.alternatives(row)]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    ids = list(range(len(patterns)))
    database.compile(expressions=patterns, ids=ids, elements=len(ids), flags=hyperscan.HS_FLAG_MULTILINE)
    return database


class _Made(io.RawIOBase):
    """A stream of blocks that are made as they are read."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if not self._left:
            self._left = next(self._blocks, b"")
        given, self._left = self._left[:size], self._left[size:]
        return given


def _packed(blocks: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=31)
    for block in blocks:
        yield packer.compress(block)
    yield packer.flush()


def _nonempty(blocks: Iterator[bytes]) -> Iterator[bytes]:
    return (block for block in blocks if block)


def _two_gigabytes() -> Iterator[bytes]:
    blocks = list(LogWriter(11).text(DRIVER, 64_000_000))
    return (block for _ in range(32) for block in blocks)


HUGE: Final[dict[str, Callable[[], Iterator[bytes]]]] = {
    "2 GB of logs": lambda: _packed(_two_gigabytes()),
    "one line of 600 MB": lambda: _packed(b"INFO x" * 50_000 for _ in range(2000)),
    "gzip bomb, 2 GB": lambda: _packed(bytes(1 << 20) if n else b"a\n" * (1 << 19) for n in range(2000)),
}


def _run_huge(name: str) -> None:
    stream: Any = _Made(_nonempty(HUGE[name]()))
    budget, report = ReadBudget(1 << 50), ReadReport()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    scanner, start = Scanner(), time.perf_counter()
    source = classify(f"containers/application_{APPLICATION}/container_{APPLICATION}_01_000001/stderr.gz")
    lines = read_lines(_binary(stream), budget=budget, report=report)
    scan = scanner.scan(source, lines, report)
    seconds, peak = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = ((1 << 50) - budget.left_bytes) / 1e6
    print(
        f"{name:20}{size:7.0f} MB {seconds:6.1f} s with its making; peak {peak:.0f} MB ({before:.0f} before)",
        end="",
    )
    print(f"; {scan.lines} lines")


def _binary(stream: Any) -> BinaryIO:
    return stream  # type: ignore[no-any-return]


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--huge", action="store_true")
    parser.add_argument("--families", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help="an existing tree; otherwise one is made")
    given = parser.parse_args()
    if given.one:
        if given.one in HUGE:
            _run_huge(given.one)
        else:
            _run_one(given.one, given.root, small=given.one in _SLOW)
        return
    with tempfile.TemporaryDirectory() as folder:
        root = given.root or Path(folder)
        if given.root is None:
            write_tree(root, seed=given.seed, size_bytes=given.megabytes * 1_000_000)
        _report(_measure(root, given.rounds))
        if given.families:
            _families(root, given.rounds)
    for name in HUGE if given.huge else ():
        subprocess.run([sys.executable, "-m", "benchmarks.extraction", "--one", name], check=True)


if __name__ == "__main__":
    main()
