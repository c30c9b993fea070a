"""Fuzzing by coverage (atheris): `make fuzz` runs each target for FUZZ_SECONDS.

    python tests/fuzz/fuzz.py redaction -max_total_time=60

redaction: never raises, keeps the lines, and redacting twice changes nothing. extraction: never raises, and both
paths give the same scan, within the budget, with lines that stand where they are said to stand.
Mutation begins with slices of the labelled cases' logs, in build/fuzz/<target>, where what it finds is kept. A failing
input is written there, too.
"""

import dataclasses
import gzip
import io
import sys
from hashlib import sha256
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["diagnose"]):
    from diagnose import sieve
    from diagnose.layout import Source, SourceKind
    from diagnose.log import ReadBudget, ReadReport, read_lines
    from diagnose.redaction import Redactor
    from diagnose.scan import Scanner

sieve.WARM_BYTES = 0  # small inputs are swept, too
ROOT = Path(__file__).resolve().parents[2]
SLICE_BYTES = 2048
REDACTOR = Redactor(["(a+)+$", "ACME-[0-9]+"])
SOURCE = Source(file="f", kind=SourceKind.DRIVER, stream="stderr", application="application_1_1", attempt=1)
BUDGET_BYTES = 1 << 20


def redaction(data):
    text = data.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode()
    shown = REDACTOR.session().text(text)
    assert shown.count("\n") == text.count("\n"), "a line was lost"
    assert REDACTOR.session().text(shown) == shown, "redacting twice changed something"


def scanned(data, *, sweeps):
    scanner, budget, report = Scanner(sweeps=sweeps), ReadBudget(BUDGET_BYTES), ReadReport()
    scan = scanner.scan(SOURCE, read_lines(io.BytesIO(data), budget=budget, report=report), report)
    return scan, scanner.tasks, budget.left_bytes


def extraction(data):
    kind, body = data[:1], data[1:]
    stored = gzip.compress(body, mtime=0) if kind == b"z" else body
    pure, swept = scanned(stored, sweeps=False), scanned(stored, sweeps=True)
    for field in dataclasses.fields(pure[0]):
        assert getattr(pure[0], field.name) == getattr(swept[0], field.name), field.name
    assert pure[1:] == swept[1:]
    assert pure[2] >= 0
    for passage in pure[0].passages:
        assert [line.number for line in passage.lines] == sorted(line.number for line in passage.lines)
        assert passage.lines[-1].number <= pure[0].lines


TARGETS = {"redaction": redaction, "extraction": extraction}


def corpus(target):
    """Fill the folder in which mutation begins."""
    folder = ROOT / "build" / "fuzz" / target
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted((ROOT / "datasets" / "lab").rglob("std*.gz")):
        text = gzip.decompress(file.read_bytes())
        for part in (text[:SLICE_BYTES], text[-SLICE_BYTES:]):
            (folder / sha256(part).hexdigest()[:16]).write_bytes(part)
    return folder


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"{sys.argv[0]}: give one of {', '.join(TARGETS)}, then libFuzzer's options")
    seeds = corpus(sys.argv[1])
    options = [f"-artifact_prefix={seeds}-", "-max_len=8192", *sys.argv[2:], str(seeds)]
    atheris.Setup([sys.argv[0], *options], TARGETS[sys.argv[1]])
    atheris.Fuzz()
