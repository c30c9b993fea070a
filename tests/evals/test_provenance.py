import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evals.provenance import UNKNOWN, describe, read_commit


def test_a_run_is_named_by_time_analyst_prompt_and_identity(tmp_path: Path, run_of: Any) -> None:
    date = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    names = [
        describe(run_of([], analyst="recorded:a/b.jsonl", **more).identity, date=date, repository=tmp_path)
        for more in ({}, {"prompt_version": "v2"}, {"repeats": 2})
    ]
    ids = [name.run_id for name in names]
    assert re.fullmatch(r"20260102T030405Z-recorded-[0-9a-f]{8}", ids[0])
    assert re.fullmatch(r"20260102T030405Z-recorded-v2-[0-9a-f]{8}", ids[1])
    assert len(set(ids)) == 3
    assert names[0].commit == UNKNOWN


def test_the_commit_is_read_from_git_files(tmp_path: Path) -> None:
    assert read_commit(tmp_path) == UNKNOWN
    git = tmp_path / ".git"
    (git / "refs").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/main\n", encoding="utf-8")
    (git / "refs" / "main").write_text("abc123\n", encoding="utf-8")
    assert read_commit(tmp_path) == "abc123"
    (git / "HEAD").write_text("def456\n", encoding="utf-8")
    assert read_commit(tmp_path) == "def456"
