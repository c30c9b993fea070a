"""The recipe of the function's zip: what it refuses, and what it says then."""

import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "runtime.txt"
MIB = 1 << 20


@pytest.fixture
def checkout(tmp_path):
    """A small checkout that could be packaged, up to the packages themselves."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "prompts", root / "prompts")
    for name in ("diagnose/__init__.py", "lambda/handler.py", "requirements/runtime.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, root / name)
    sha256 = re.search(r"\[v2\]\s+sha256 = \"(\w+)\"", (root / "prompts/released.toml").read_text())[1]
    (root / "prompts/active.toml").write_text(
        f'version = "v2"\nsha256 = "{sha256}"\ngate = "none"\nreason = "nothing to prove it by"\nrun_id = ""\n'
    )
    return root


@pytest.fixture
def package(packaging_scripts, checkout, tmp_path, capsys):
    def run(*options):
        output = tmp_path / "out" / "package.zip"
        code = packaging_scripts["package"].main(["--root", str(checkout), "--output", str(output), *options])
        printed = capsys.readouterr()
        assert not output.exists()
        assert printed.out == ""
        return code, printed.err

    return run


NO_UV = ("--uv", "no-such-uv", "--bytecode", "never")
"""Lets the recipe come as far as the packages, and no further."""


def test_a_good_checkout_is_stopped_by_a_missing_uv_alone(package):
    code, said = package(*NO_UV)
    assert code == 2
    assert "no-such-uv is not there: run `make setup`" in said


def test_an_unproven_prompt_is_told_loudly(package):
    _, said = package(*NO_UV)
    assert "WARNING: prompt v2 is promoted UNPROVEN (gate none: nothing to prove it by)" in said


def test_a_proven_prompt_is_not_warned_of(package, checkout):
    file = checkout / "prompts/active.toml"
    file.write_text(file.read_text().replace('"none"', '"pass 2026-11-22 some.model"'))
    _, said = package(*NO_UV, "--refuse-unproven")
    assert "UNPROVEN" not in said


def refused(answer, *words):
    code, said = answer
    assert code == 1
    lines = [line for line in said.splitlines() if "WARNING" not in line]
    assert len(lines) == 1
    assert "Traceback" not in said
    assert all(word in lines[0] for word in words), said


def test_an_unproven_prompt_is_not_deployed_by_chance(package):
    refused(package("--refuse-unproven"), "UNPROVEN", "ALLOW_UNPROVEN=1")


def test_without_a_promotion_nothing_is_made(package, checkout):
    (checkout / "prompts/active.toml").unlink()
    refused(package(), "no prompt is promoted", "evals promote")


def test_without_prompts_nothing_is_made(package, checkout):
    shutil.rmtree(checkout / "prompts")
    refused(package(), "no prompt is promoted")


@pytest.mark.parametrize("file", ["system.j2", "user.j2", "repair.j2", "meta.toml", "more.j2"])
def test_an_altered_prompt_is_refused(package, checkout, file):
    with (checkout / "prompts/diagnosis/v2" / file).open("a") as text:
        text.write("\n# one word more\n")
    refused(package(), "prompt")


def test_a_prompt_altered_after_its_promotion_is_refused(package, checkout):
    file = checkout / "prompts/active.toml"
    file.write_text(re.sub(r'sha256 = "\w{4}', 'sha256 = "0000', file.read_text()))
    refused(package(), "altered after its promotion")


def test_a_draft_is_refused(package, checkout):
    file = checkout / "prompts/released.toml"
    file.write_text(file.read_text()[: file.read_text().index("[v2]")])
    refused(package(), "prompt v2 is a draft")


@pytest.mark.parametrize("text", ["version = ", 'version = "v2"\n', 'version = "../../elsewhere"\n'])
def test_a_damaged_promotion_is_refused(package, checkout, text):
    (checkout / "prompts/active.toml").write_text(text)
    refused(package(), "active.toml")


def test_a_version_that_is_a_path_is_refused(package, checkout):
    file = checkout / "prompts/active.toml"
    file.write_text(file.read_text().replace('"v2"', '"../diagnosis/v2"'))
    refused(package(), "prompt")


def git(root, *words):
    names = ("-c", "user.name=a", "-c", "user.email=a@b.invalid")
    subprocess.run(["git", "-C", str(root), *names, *words], check=True, capture_output=True)


def test_a_file_that_git_does_not_know_is_refused(package, checkout):
    git(checkout, "init", "-q")
    git(checkout, "add", ".")
    (checkout / "diagnose/notes.txt").write_text("left here by chance")
    refused(package(), "git does not know diagnose/notes.txt", "add it, or remove it")
    assert package(*NO_UV, "--allow-unknown")[0] == 2
    (checkout / "diagnose/notes.txt").unlink()
    assert package(*NO_UV)[0] == 2


def test_caches_and_hidden_files_are_no_stray_files(package, checkout, packaging_scripts):
    git(checkout, "init", "-q")
    git(checkout, "add", ".")
    for name in ("__pycache__/a.cpython-312.pyc", ".notes.swp", "old.py~"):
        (checkout / "diagnose" / name).parent.mkdir(exist_ok=True)
        (checkout / "diagnose" / name).write_bytes(b"")
    assert package(*NO_UV)[0] == 2
    assert "diagnose/old.py~" not in packaging_scripts["package"].own_files(checkout, "v2")


def test_a_checkout_that_git_refuses_to_read_is_told(package, checkout):
    (checkout / ".git").write_text("gitdir: nowhere\n")
    code, said = package()
    assert (code, "git can't list" in said) == (2, True)


def test_without_a_handler_nothing_is_made(package, checkout):
    (checkout / "lambda/handler.py").unlink()
    refused(package(), "handler.py is missing")


def test_a_package_of_another_hash_than_locked_is_refused(package, checkout):
    lock = checkout / "requirements/runtime.txt"
    lock.write_text("six==1.17.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    code, said = package("--bytecode", "never")
    assert code == 2
    assert "uv can't install" in said
    assert "Traceback" not in said


def test_bytecode_of_another_python_is_never_made(package):
    code, said = package("--python-version", "3.99", "--compiler", sys.executable)
    assert code == 2
    assert "there is no CPython 3.99 to make bytecode with" in said


def test_without_a_fitting_python_the_zip_has_no_bytecode_and_that_is_told(package):
    code, said = package("--python-version", "3.99", "--uv", "no-such-uv")
    assert "WITHOUT BYTECODE" in said
    assert "no-such-uv" in said
    assert package("--python-version", "3.99", "--bytecode", "always", "--uv", "no-such-uv")[0] == code == 2


def test_a_broken_interpreter_is_passed_over(packaging_scripts, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    find = packaging_scripts["bytecode"].find_compiler
    here = ".".join(map(str, sys.version_info[:2]))
    assert find(here, str(broken)) is None
    assert find(here, str(tmp_path / "nothing")) is None
    assert find(here, sys.executable).version == platform.python_version()


@pytest.mark.parametrize("words", [["--python-version", "three"], ["--architecture", "mips"], ["--nothing"]])
def test_bad_usage_is_exit_2(packaging_scripts, words, capsys):
    with pytest.raises(SystemExit) as caught:
        packaging_scripts["package"].main(words)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("size", "said"), [(150 * MIB + 1, "ours is 150"), (250 * MIB + 1, "Lambda takes 250")]
)
def test_too_large_a_package_is_refused(packaging_scripts, size, said):
    script = packaging_scripts["package"]
    with pytest.raises(script.RefusedError, match=said):
        script.check_size(size)
    script.check_size(150 * MIB)
