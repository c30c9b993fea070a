"""The recipe of the function's zip: what is in it, that it comes out the same, and what it refuses."""

import json
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "runtime.txt"
MIB = 1 << 20
ELF_MACHINES = {"x86_64": 62, "arm64": 183}


@pytest.fixture(scope="module")
def names(lambda_package):
    with zipfile.ZipFile(lambda_package) as file:
        return file.namelist()


@pytest.fixture(scope="module")
def unpacked(lambda_package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(lambda_package) as file:
        file.extractall(folder)
    return folder


def run_inside(python, folder, code):
    """Run code with the package's modules and the standard library alone."""
    head = f"import sys; sys.path.insert(0, {str(folder)!r})\n"
    done = subprocess.run(
        [python, "-I", "-S", "-B", "-c", head + code], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def locked(python_version, machine):
    """What the lock asks for on a Lambda of that Python and processor: versions by name."""
    here = {
        "python_version": python_version, "python_full_version": f"{python_version}.1",
        "platform_machine": {"arm64": "aarch64"}.get(machine, machine), "sys_platform": "linux",
        "platform_python_implementation": "CPython", "implementation_name": "cpython", "platform_system": "Linux",
        "os_name": "posix", "extra": "",
    }  # fmt: skip
    lines = re.findall(r"^[a-zA-Z].*?(?= \\$)", LOCK.read_text(), re.MULTILINE)
    wanted = [r for r in map(Requirement, lines) if r.marker is None or r.marker.evaluate(here)]
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in wanted}


# ------------------------------------------------------------------------------------------------------- content


def test_what_is_locked_is_there_and_nothing_else(names, manifest):
    found = dict(
        re.fullmatch(r"([^/]+)-([^-/]+)\.dist-info/METADATA", name).groups()
        for name in names
        if name.endswith(".dist-info/METADATA")
    )
    versions = {canonicalize_name(name): version for name, version in found.items()}
    assert versions == locked(manifest["python_version"], manifest["architecture"])
    assert {canonicalize_name(name) for name in manifest["packages"]} == set(versions)


def test_no_test_no_instrument_and_no_leftover_is_there(names):
    tops = {name.split("/")[0].removesuffix(".py") for name in names}
    assert not tops & {
        "evals",
        "tests",
        "mlflow",
        "pandas",
        "scipy",
        "matplotlib",
        "pytest",
        "moto",
        "bin",
        "lambda",
    }
    assert not [name for name in names if "/tests/" in f"/{name}" and not name.startswith("diagnose/")]
    noise = r"^\.|\.(pyi|orig|rej|new|part|a)$|/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$|conftest"
    assert not [name for name in names if re.search(noise, name)]
    assert [
        name for name in names if "/" not in name and name.startswith(("handler", "package", "wheelhouse"))
    ] == ["handler.py"]


def test_every_licence_stays(names):
    heads = {name.split("/")[0] for name in names if name.endswith(".dist-info/METADATA")}
    told = {name.split("/")[0] for name in names if ".dist-info/" in name and "LICEN" in name.upper()}
    assert len(told) > 0.8 * len(heads)  # a few wheels ship none


def test_the_product_is_there_as_it_stands_in_the_checkout(names, unpacked):
    ours = [
        name
        for name in names
        if name.startswith("diagnose/") and "_prompts" not in name and ".pyc" not in name
    ]
    there = [p for p in (ROOT / "diagnose").rglob("*") if p.is_file() and p.suffix != ".pyc"]
    assert sorted(ours) == sorted(path.relative_to(ROOT).as_posix() for path in there)
    for name in ours:
        assert (unpacked / name).read_bytes() == (ROOT / name).read_bytes()
    assert (unpacked / "handler.py").read_bytes() == (ROOT / "lambda/handler.py").read_bytes()


def test_the_promoted_prompt_is_there_alone_and_loads(names, manifest, lambda_python, unpacked):
    versions = {name.split("/")[3] for name in names if name.startswith("diagnose/_prompts/diagnosis/")}
    assert versions == {manifest["prompt"]["version"]}
    told = run_inside(
        lambda_python,
        unpacked,
        "import json; from diagnose.shelf import load_prompt; p = load_prompt()\n"
        "print(json.dumps([p.version.name, p.version.sha256, p.gate, p.released]))",
    )
    assert told == [*(manifest["prompt"][name] for name in ("version", "sha256", "gate")), True]


def test_what_was_left_out_is_missed_by_no_package(lambda_python, unpacked):
    told = run_inside(
        lambda_python,
        unpacked,
        "import json, numpy, zstandard, hyperscan, re2, isal.isal_zlib, yaml, botocore.session, certifi\n"
        "from langchain_aws import ChatBedrockConverse\n"
        "print(json.dumps([numpy.arange(3).sum().item(), zstandard.backend, yaml.__with_libyaml__,"
        " len(certifi.contents()) > 1000, numpy.__file__]))",
    )
    assert told == [3, "cext", True, True, str(unpacked / "numpy/__init__.py")]


def test_each_module_has_bytecode_that_is_its_own_and_that_the_runtime_takes(lambda_python, unpacked):
    told = run_inside(
        lambda_python,
        unpacked,
        """
import importlib.util as util, json, marshal, pathlib
root, wrong, count = pathlib.Path.cwd(), [], 0
for source in root.rglob("*.py"):
    data = pathlib.Path(util.cache_from_source(str(source))).read_bytes()
    code, name = marshal.loads(data[16:]), "/var/task/" + source.relative_to(root).as_posix()
    expected = util.MAGIC_NUMBER + (1).to_bytes(4, "little") + util.source_hash(source.read_bytes())
    count += 1
    if data[:16] != expected or code.co_filename != name:
        wrong.append(name)
print(json.dumps([count, wrong, len(list(root.rglob("*.pyc")))]))
""",
    )
    assert told[1] == []
    assert told[0] == told[2] > 1000


# -------------------------------------------------------------------------------------------------- same and small


def test_the_same_input_gives_the_same_zip(lambda_package, manifest, rebuild, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    again = rebuild(tmp_path / "elsewhere" / "again.zip")
    assert again.read_bytes() == lambda_package.read_bytes()
    assert json.loads(again.with_suffix(".manifest.json").read_text()) == manifest
    assert [
        path.name for path in again.parent.iterdir() if path.name not in ("again.zip", "again.manifest.json")
    ] == []


def test_names_are_sorted_and_times_and_modes_fixed(lambda_package):
    with zipfile.ZipFile(lambda_package) as file:
        entries = file.infolist()
    assert [entry.filename for entry in entries] == sorted({entry.filename for entry in entries})
    assert {(entry.date_time, entry.external_attr >> 16) for entry in entries} == {
        ((1980, 1, 1, 0, 0, 0), 0o100644)
    }


def test_no_file_names_a_path_of_this_machine(unpacked):
    private = [str(ROOT).encode(), b"/.stage-"]
    named = [
        path.relative_to(unpacked).as_posix()
        for path in unpacked.rglob("*")
        if path.is_file() and any(part in path.read_bytes() for part in private)
    ]
    assert not named


def test_it_is_small_and_the_manifest_says_how_small(lambda_package, names, manifest):
    with zipfile.ZipFile(lambda_package) as file:
        size = sum(entry.file_size for entry in file.infolist())
    assert size == manifest["unpacked_bytes"] <= 150 * MIB
    assert len(names) == manifest["files"]
    assert manifest["zip_bytes"] == lambda_package.stat().st_size


def test_the_other_processor_gets_its_own_files(rebuild, tmp_path):
    other = {"x86_64": "arm64", "aarch64": "x86_64"}[platform.machine()]
    made = rebuild(tmp_path / "other.zip", "--architecture", other)
    told = json.loads(made.with_suffix(".manifest.json").read_text())
    assert told["unpacked_bytes"] <= 150 * MIB
    assert {canonicalize_name(n): v for n, v in told["packages"].items()} == locked(
        told["python_version"], other
    )
    with zipfile.ZipFile(made) as file:
        heads = [file.open(name).read(20) for name in file.namelist() if re.search(r"\.so(\.|$)", name)]
    assert len(heads) > 20
    assert {int.from_bytes(head[18:20], "little") for head in heads} == {ELF_MACHINES[other]}


def test_every_pattern_of_what_is_dropped_still_finds_something(packaging_scripts, tmp_path, manifest):
    wheelhouse = packaging_scripts["wheelhouse"]
    target = wheelhouse.Target(
        python_version=manifest["python_version"], architecture=manifest["architecture"]
    )
    wheelhouse.install(wheelhouse.find_uv(), LOCK, target, tmp_path / "raw")
    there = [path.relative_to(tmp_path / "raw") for path in (tmp_path / "raw").rglob("*") if path.is_file()]
    idle = [
        p for p in wheelhouse.DROPPED if not any(wheelhouse.is_named(path.as_posix(), [p]) for path in there)
    ]
    assert not idle


def test_an_engine_stays_when_what_it_needs_is_locked(packaging_scripts, tmp_path):
    wheelhouse = packaging_scripts["wheelhouse"]
    engine = tmp_path / "zstandard" / "_cffi.so"
    engine.parent.mkdir()
    engine.write_bytes(b"")
    info = tmp_path / "cffi-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cffi\nVersion: 2.0\n")
    wheelhouse.drop(tmp_path)
    assert engine.exists()
    (info / "METADATA").unlink()
    wheelhouse.drop(tmp_path)
    assert not engine.exists()


# ------------------------------------------------------------------------------------------------------- refusals


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


# ------------------------------------------------------------------------------------------------- events by hand


@pytest.mark.parametrize("path", sorted((ROOT / "lambda/events").glob("*.json")), ids=lambda path: path.name)
def test_every_event_for_use_by_hand_is_understood(path):
    from diagnose.event import read_deliveries

    deliveries = read_deliveries(json.loads(path.read_text()))
    assert deliveries
    said = {delivery.verdict.status.value if delivery.verdict else "taken" for delivery in deliveries}
    expected = {
        "invalid.json": {"INVALID_EVENT"},
        "step-completed.json": {"IGNORED"},
        "queue-mixed.json": {"taken", "INVALID_EVENT"},
    }
    assert said == expected.get(path.name, {"taken"})
