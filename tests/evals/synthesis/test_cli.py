"""The command line writes, checks and tells what is wrong."""

from pathlib import Path

import pytest

from evals.synthesis.cli import main


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_command_gives_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "other"):
        assert (
            main(
                [
                    "--seed",
                    "7",
                    "--count",
                    "5",
                    "--template",
                    "database-refuses",
                    "--output",
                    str(tmp_path / name),
                ]
            )
            == 0
        )
    assert files(tmp_path / "one") == files(tmp_path / "other")
    assert "5 cases in" in capsys.readouterr().err


def test_check_builds_without_writing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--template", "database-refuses"]) == 0
    assert "1 templates, 0 wrong" in capsys.readouterr().err


def test_an_unknown_template_is_named_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--template", "nonsense"]) == 1
    assert "there is no template nonsense; known: " in capsys.readouterr().err


def test_a_folder_in_the_way_is_unusable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["--count", "1", "--template", "database-refuses", "--output", str(tmp_path)]) == 2
    assert "notes.txt" in capsys.readouterr().err


def test_an_output_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2
    assert "--output is needed" in capsys.readouterr().err
