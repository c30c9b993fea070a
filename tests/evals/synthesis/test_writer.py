"""What is written is a dataset that the instrument loads, and nothing else is removed."""

from pathlib import Path

import pytest

from evals.dataset import load
from evals.errors import DatasetError
from evals.synthesis.generator import generate
from evals.synthesis.template import load_templates
from evals.synthesis.writer import write

FEW = load_templates()[:3]


def test_the_dataset_loads_and_its_checksums_hold(tmp_path: Path) -> None:
    assert write(generate(FEW, seed=1, count=6), tmp_path) == 6
    assert len(load(tmp_path).cases) == 6


def test_writing_again_replaces_the_cases(tmp_path: Path) -> None:
    write(generate(FEW, seed=1, count=6), tmp_path)
    write(generate(FEW, seed=2, count=3), tmp_path)
    assert len(load(tmp_path).cases) == 3
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 3


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DatasetError, match=r"thesis\.txt"):
        write(generate(FEW, seed=1, count=1), tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
