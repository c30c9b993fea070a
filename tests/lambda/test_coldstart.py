"""The benchmark of the start judges what it measures; the measuring itself takes an idle machine."""

import subprocess
import sys

import pytest
from stack import ROOT

from benchmarks import coldstart


def turns(imports, handler=1.4):
    row = {"bare": 1.0, "imports": imports, "handler": handler, "bare, no bytecode": 3.0}
    return [row, {name: 2 * seconds for name, seconds in row.items()}, {**row, "imports": 9.0}]


@pytest.mark.parametrize(
    ("ratio", "code", "word"), [(1.0, 0, "kept"), (1.15, 0, "kept"), (1.16, 1, "NOT kept")]
)
def test_imports_beyond_the_limit_fail_and_both_rows_are_told(capsys, ratio, code, word):
    assert coldstart.report(turns(ratio)) == code
    told = capsys.readouterr().out
    assert f"imports are {ratio:.3f} of the bare import, median of 3 pairs, of at most 1.15: {word}\n" in told
    assert "the handler, with everything built, is 1.400 of it" in told


def test_what_the_handler_costs_is_no_failure():
    assert coldstart.report(turns(1.0, handler=5.0)) == 0


@pytest.mark.parametrize(("ratio", "code"), [(1.1, 0), (1.2, 1)])
def test_the_exit_code_is_the_judgement(ratio, code):
    program = (
        "import sys; from benchmarks import coldstart as c; sys.argv[1:] = ['--pairs', '1'];"
        f"c.measure = lambda *_: [{{'bare': 1.0, 'imports': {ratio}, 'handler': 2.0}}];"
        "c.imports = lambda *_: ''; sys.exit(c.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
