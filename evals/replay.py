"""A log root → an outcome: runs the product on one case's logs and keeps all it gave out.

The product stands behind one seam, `Diagnose`; `product()` is the real one. A case whose run raises becomes
an errored outcome, so that one bad case never hides the others. CPU time is the process's, user and system.
"""

import contextlib
import importlib
import io
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeAlias, cast

from diagnose.diagnosis import Diagnosis
from diagnose.redaction import redact
from evals.errors import PrerequisiteError
from evals.outcome import Outcome
from evals.source import read_context, read_lines


class Excerpt(Protocol):
    """The lines chosen for a reader."""

    def render(self) -> str:
        """Give the plain text, at most 32,768 bytes."""
        ...


class State(Protocol):
    """What a run of the product leaves behind."""

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The payload."""
        ...

    @property
    def excerpt(self) -> Excerpt | None:
        """The redacted excerpt it was made from."""
        ...


Diagnose: TypeAlias = Callable[[Path], State]
"""A log root in, the finished state out."""


def product() -> Diagnose:
    """Load the product's own entry point.

    Raises:
        PrerequisiteError: The package `diagnose` is not complete.
    """
    try:
        pipeline = importlib.import_module("diagnose.pipeline")
        return cast("Diagnose", pipeline.run_logs)
    except (ImportError, AttributeError) as error:
        raise PrerequisiteError(
            f"diagnose.pipeline.run_logs: {error}; install the package diagnose"
        ) from error


def run(log_root: Path, diagnose: Diagnose) -> Outcome:
    """Run the product on one log root and collect payload, excerpt, talk and the raw logs."""
    start = time.process_time()
    with _listen() as talk:
        diagnosis, excerpt, error = _attempt(log_root, diagnose)
    return Outcome(
        diagnosis=diagnosis,
        excerpt=excerpt,
        talk=talk.getvalue(),
        error=error,
        cpu_ms=(time.process_time() - start) * 1000,
        lines=read_lines(log_root),
        context=read_context(log_root),
    )


def _attempt(log_root: Path, diagnose: Diagnose) -> tuple[Diagnosis | None, str, str]:
    try:
        state = diagnose(log_root)
        excerpt = state.excerpt.render() if state.excerpt else ""
    except Exception as error:  # noqa: BLE001 (a case that raises is a result: errored, counted as wrong)
        return None, "", f"{type(error).__name__}: {redact(str(error))}"
    if state.diagnosis is None:
        return None, excerpt, "the run gave no diagnosis"
    return state.diagnosis, excerpt, ""


@contextlib.contextmanager
def _listen() -> Iterator[io.StringIO]:
    """Collect what is printed and logged, at every level of the product's own loggers."""
    talk = io.StringIO()
    handler = logging.StreamHandler(talk)
    logger = logging.getLogger("diagnose")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        with contextlib.redirect_stdout(talk), contextlib.redirect_stderr(talk):
            yield talk
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
