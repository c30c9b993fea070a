"""The README's commands and outputs are true. `python tests/test_readme.py` writes the outputs anew."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
CONSOLE = re.compile(r"```console\n(\$ (?:[A-Z_]+=\d+ )?\.venv/bin/[^\n]+)\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)


def shell(command):
    python = Path(sys.executable).parent / "python"
    programs = {"diagnose": f"{python} -m diagnose", "evals": f"{python} -m evals", "python": str(python)}
    words = re.sub(r"\.venv/bin/(\w+)", lambda found: programs[found[1]], command.removeprefix("$ "))
    done = subprocess.run(["bash", "-c", words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize(("command", "output"), CONSOLE.findall(README.read_text()))
def test_commands_print_what_the_readme_shows(command, output):
    assert shell(command) == output


def test_the_python_example_prints_what_the_readme_shows():
    ((code, output),) = PYTHON.findall(README.read_text())
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == output


def test_the_two_commands_are_targets_of_make():
    targets = (ROOT / "Makefile").read_text()
    assert "$ make eval" in README.read_text() and "$ make test" in README.read_text()
    assert "\neval:" in targets and "\ntest:" in targets


def test_every_link_of_the_readme_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text()):
        assert (ROOT / target).exists(), target


def test_every_setting_of_the_code_is_in_the_readme():
    from diagnose.settings import Settings

    shown = README.read_text()
    assert all(f"| {name.upper()} |" in shown for name in Settings.model_fields)


if __name__ == "__main__":
    README.write_text(CONSOLE.sub(lambda m: f"```console\n{m[1]}\n{shell(m[1])}```", README.read_text()))
