import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals import replay
from evals.errors import PrerequisiteError

Build = Callable[..., Any]


def test_a_run_keeps_payload_excerpt_and_raw_logs(tmp_path: Path, logs: Build, product: Build) -> None:
    outcome = replay.run(logs(tmp_path / "a"), product(excerpt="the excerpt"))
    assert outcome.diagnosis is not None
    assert outcome.excerpt == "the excerpt"
    assert not outcome.error
    assert outcome.cpu_ms >= 0
    assert list(outcome.lines) == ["j-TEST/steps/s-TEST/stdout.gz"]


def test_an_exception_becomes_an_errored_outcome(tmp_path: Path, logs: Build, product: Build) -> None:
    outcome = replay.run(logs(tmp_path / "a"), product(error=ValueError("boom")))
    assert outcome.diagnosis is None
    assert outcome.error == "ValueError: boom"
    assert outcome.lines


def test_what_is_printed_and_logged_is_kept(
    tmp_path: Path, logs: Build, product: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = product()

    def talkative(log_root: Path) -> Any:
        sys.stdout.write("printed ")
        sys.stderr.write("whispered ")
        logging.getLogger("diagnose.log").debug("logged")
        return fake(log_root)

    talk = replay.run(logs(tmp_path / "a"), talkative).talk
    assert all(word in talk for word in ("printed", "whispered", "logged"))
    assert capsys.readouterr() == ("", "")


def test_a_missing_product_is_a_missing_prerequisite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diagnose.pipeline", None)
    with pytest.raises(PrerequisiteError, match=r"diagnose\.pipeline"):
        replay.product()


def test_what_a_case_raises_is_redacted(tmp_path: Path, logs: Build, product: Build) -> None:
    secret = "-".join(("Kelo", "tarin", "77ub"))
    outcome = replay.run(logs(tmp_path / "a"), product(error=ValueError(f"password={secret}")))
    assert outcome.error.startswith("ValueError: password=[REDACTED-")
    assert secret not in outcome.error
