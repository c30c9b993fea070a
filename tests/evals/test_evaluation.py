from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evals.dataset import load
from evals.evaluation import NO_COMMIT, evaluate, read_commit
from evals.requirement import Requirement

Build = Callable[..., Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_every_case_is_replayed_in_order_and_reported(dataset: Build, product: Build) -> None:
    fake, seen = product(), []
    loaded = load(dataset("one", "two"))
    evaluation = evaluate(
        [loaded], fake, required=Requirement, date=NOW, progress=lambda *step: seen.append(step)
    )
    assert [result.case.id for result in evaluation.results] == ["one", "two"]
    assert fake.asked == [loaded.folder / "one" / "logs", loaded.folder / "two" / "logs"]
    assert seen == [(1, 2, "one"), (2, 2, "two")]
    assert evaluation.passed
    assert evaluation.provenance.datasets == (("set", 2, loaded.sha256),)
    assert evaluation.provenance.analysts == ("rules",)


def test_an_errored_case_counts_as_wrong(dataset: Build, product: Build) -> None:
    loaded = load(dataset("one"))
    evaluation = evaluate([loaded], product(error=OSError("gone")), required=[], date=NOW)
    values = evaluation.values
    assert (values["category"].hits, values["category"].total) == (0, 1)
    assert (values["safe_recall"].hits, values["safe_recall"].total) == (0, 1)
    assert not evaluation.passed


def test_the_commit_is_read_from_git_files(tmp_path: Path) -> None:
    assert read_commit(tmp_path) == NO_COMMIT
    git = tmp_path / ".git"
    (git / "refs").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/main\n", encoding="utf-8")
    (git / "refs" / "main").write_text("abc123\n", encoding="utf-8")
    assert read_commit(tmp_path) == "abc123"
    (git / "HEAD").write_text("def456\n", encoding="utf-8")
    assert read_commit(tmp_path) == "def456"
