"""Where and when a run was made: nothing of it decides an answer."""

import hashlib
import platform
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from evals.run import Identity, Provenance

PACKAGE: Final = "data-job-failure-intelligence"
UNKNOWN: Final = "unknown"


def describe(identity: Identity, *, date: datetime, repository: Path) -> Provenance:
    """Describe a run that begins now.

    Args:
        identity: of the run.
        date: UTC.
        repository: the folder whose commit is named.
    """
    short = hashlib.sha256(identity.model_dump_json().encode()).hexdigest()[:8]
    who = identity.analyst.partition(":")[0]
    prompt = f"-{identity.prompt_version}" if identity.prompt_version else ""
    return Provenance(
        run_id=f"{date:%Y%m%dT%H%M%SZ}-{who}{prompt}-{short}",
        date=date,
        commit=read_commit(repository),
        python=platform.python_version(),
        version=_version(),
    )


def read_commit(folder: Path) -> str:
    """Read the commit that `folder` stands on from its `.git`; `UNKNOWN` when it can't be read."""
    try:
        head = (folder / ".git" / "HEAD").read_text(encoding="utf-8").strip()
        if head.startswith("ref: "):
            return (folder / ".git" / head.removeprefix("ref: ")).read_text(encoding="utf-8").strip()
    except OSError:
        return UNKNOWN
    return head


def _version() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return UNKNOWN
