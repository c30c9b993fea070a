"""The recipe of the function's zip: what is in it, that it comes out the same, and what it refuses."""

import json
import platform
import re
import subprocess
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
        "import json, numpy, zstandard, hyperscan, re2, isal.igzip_lib, yaml, botocore.session, certifi\n"
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
