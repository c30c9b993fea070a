"""`evals compare` from its arguments to what it prints."""

import argparse
import json

import pytest
import runs

from evals.archive import save_run
from evals.command import compare
from evals.errors import ComparisonError, RunError


@pytest.fixture
def call():
    parser = argparse.ArgumentParser()
    compare.add(parser.add_subparsers())

    def run(*argv):
        arguments = parser.parse_args(["compare", *map(str, argv)])
        return arguments.run(arguments)

    return run


@pytest.fixture
def pair(tmp_path):
    rows = {"cases": 60, "clusters": 30}
    old = save_run(tmp_path / "old", runs.run(runs.grid(**rows), run_id="old"))
    new = runs.run(runs.grid(**rows, wrong=[1], prompt_version="v2"), run_id="new", prompt_version="v2")
    return old.parent, save_run(tmp_path / "new", new)


def test_a_comparison_is_printed_and_judges_nothing(call, pair, capsys):
    assert call(*pair) == 0
    out = capsys.readouterr().out
    assert "baseline: run old" in out
    assert "category, strict (guard)" in out
    assert "case-0001 (synthetic): broken" in out


def test_json_and_markdown_go_where_they_are_told(call, pair, capsys, tmp_path):
    assert call(*pair, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["cases"] == 60
    target = tmp_path / "deep" / "comparison.md"
    assert call(*pair, "--format", "markdown", "--output", target) == 0
    told = capsys.readouterr()
    assert (told.out, str(target) in told.err) == ("", True)
    assert target.read_text(encoding="utf-8").startswith("# Comparison")


def test_runs_that_differ_are_refused_unless_allowed(call, pair, tmp_path, capsys):
    rows = runs.grid(cases=60, clusters=30)
    other = save_run(tmp_path / "other", runs.run(rows, settings={"max_log_size_bytes": 1}))
    with pytest.raises(ComparisonError, match="--allow settings"):
        call(pair[0], other)
    assert call(pair[0], other, "--allow", "settings, code") == 0
    assert "caution: compared all the same: setting max_log_size_bytes" in capsys.readouterr().out


@pytest.mark.parametrize("kinds", ["datasets", "cases", "settings,datasets", "everything"])
def test_what_cannot_be_allowed_is_wrong_usage(call, pair, kinds, capsys):
    with pytest.raises(SystemExit, match="2"):
        call(*pair, "--allow", kinds)
    assert "can't be looked past" in capsys.readouterr().err


def test_a_run_that_is_not_there_is_named(call, pair, tmp_path):
    with pytest.raises(RunError, match="nowhere"):
        call(pair[0], tmp_path / "nowhere")
