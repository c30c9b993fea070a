from pathlib import Path

import pytest

from evals.lab.cluster.engine import RELEASES, Engine
from evals.lab.submission import Place

FAKE_SUBMIT = """#!/bin/sh
echo "$@"
echo "environment: $(env | sort | cut -d= -f1 | tr '\\n' ' ')" >&2
exit ${CODE:-4}
"""


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """An engine with nothing in it but a spark-submit that fails."""
    site = tmp_path / "engine" / "venv" / "lib" / "python3.11" / "site-packages"
    submit = site / "pyspark" / "bin" / "spark-submit"
    submit.parent.mkdir(parents=True)
    submit.write_text(FAKE_SUBMIT, encoding="utf-8")
    submit.chmod(0o755)
    return Engine(
        name="spark-3.5",
        release=RELEASES["spark-3.5"],
        root=tmp_path / "engine",
        python=tmp_path / "engine" / "venv" / "bin" / "python",
        spark=site / "pyspark",
        jars=None,
        java=tmp_path / "jdk" / "bin",
    )


@pytest.fixture
def place(tmp_path: Path, engine: Engine) -> Place:
    root = tmp_path / "job"
    place = Place(home=root / "home", tmp=root / "tmp", cache=root / "cache", engine=engine)
    for folder in (place.home, place.tmp, place.cache):
        folder.mkdir(parents=True)
    return place
