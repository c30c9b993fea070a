"""The function's package, built once a session, and an interpreter of the version that it is built for."""

import importlib
import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = "3.12"
MACHINE = {"x86_64": "x86_64", "aarch64": "arm64"}
BUILT = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def packaging_scripts():
    """The modules of `lambda/` that package, by name; the folder is importable while they load only."""
    names = ("wheelhouse", "bytecode", "package")
    sys.path.insert(0, str(ROOT / "lambda"))
    try:
        return {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(ROOT / "lambda"))
        for name in names:
            sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def lambda_python(packaging_scripts, pytestconfig):
    """An interpreter of the runtime's version, where there is one, else the one at hand; as a path."""
    found = packaging_scripts["bytecode"].find_compiler(RUNTIME)
    if found is None:
        pytestconfig.stash[BUILT] = (
            f"Python {platform.python_version()}, the one at hand: there is no {RUNTIME}"
        )
        return sys.executable
    pytestconfig.stash[BUILT] = f"Python {found.version}"
    return found.path


@pytest.fixture(scope="session")
def lambda_package(lambda_python, tmp_path_factory):
    """The zip for this machine's processor and `lambda_python`'s version."""
    if platform.machine() not in MACHINE or sys.platform != "linux":
        pytest.skip("Lambda runs on Linux, on x86_64 and arm64")
    return build(tmp_path_factory.mktemp("package") / "package.zip", lambda_python)


def build(output, python, *options):
    """Package as `make package` does; files that are not committed yet are taken too."""
    version = subprocess.run(
        [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    command = [
        sys.executable, str(ROOT / "lambda/package.py"), "--output", str(output), "--allow-unknown",
        "--python-version", version, "--architecture", MACHINE[platform.machine()], "--compiler", python, *options,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        pytest.fail(f"the package can't be built: {done.stderr}")
    return output


@pytest.fixture(scope="session")
def rebuild(lambda_python):
    """Package once more: `rebuild(output, *options)` gives the zip's path."""
    return lambda output, *options: build(output, lambda_python, *options)


@pytest.fixture(scope="session")
def manifest(lambda_package):
    """What the manifest beside the zip says."""
    return json.loads(lambda_package.with_suffix(".manifest.json").read_text())


def pytest_terminal_summary(terminalreporter, config):
    """Say which Python the package was built for."""
    if built := config.stash.get(BUILT, ""):
        terminalreporter.write_line(f"the Lambda package was built for {built}")
