"""The house rules that no linter knows."""

import ast
import re
import statistics
import subprocess
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(p for package in ("diagnose", "evals") for p in (ROOT / package).rglob("*.py"))
PURE = [
    ROOT / "diagnose" / f"{name}.py"
    for name in (
        "advice", "analyst", "anchor", "background", "brief", "coverage", "display", "draft", "event", "excerpt", "finding",
        "bound", "classification", "cluster", "contract", "grounding", "guardrail", "identifier", "inspection", "lag", "layout", "prompt", "ranking", "reply", "template", "usage",
        "assignment", "block", "checksum", "encoding", "gate", "hunt", "label", "logger", "login", "reading", "record", "redaction", "retry", "row", "scan", "secret", "shape", "sign", "signature", "task", "taxonomy", "value", "verdict", "view",
        "circumstance", "control", "drift", "fold", "leaf", "mention", "page", "statement", "weight", "release", "survey", "triage", "volume",
    )
] + [
    ROOT / "evals" / f"{name}.py"
    for name in (
        "agreement", "breakdown", "calibration", "census", "claim", "comparison", "confusion", "criterion", "evaluation", "finding",
        "flip", "fold", "gate", "hint", "junit", "literal", "metric", "mismatch", "outcome", "pairing", "permutation", "quantile",
        "requirement", "rule", "run", "score", "selection", "summary", "trial", "twin",
    )
] + sorted((ROOT / "evals" / "scorers").glob("*.py")) + sorted((ROOT / "evals" / "statistics").glob("*.py"))  # fmt: skip
MAX_MODULE_LINES, MAX_FUNCTION_LINES, MAX_MEDIAN_LINES = 400, 50, 10
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "core", "tools"}


def functions(tree):
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(node):
    body = node.body
    first = body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        body = body[1:]
    return (node.end_lineno - body[0].lineno + 1) if body else 1


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_are_short_and_say_what_they_are(path):
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_MODULE_LINES
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "every module opens with a docstring"
    long = [f"{n.name}: {length(n)}" for n in functions(tree) if length(n) > MAX_FUNCTION_LINES]
    assert not long


@pytest.mark.parametrize("package", ["diagnose", "evals"])
def test_functions_are_short_in_the_median(package):
    lengths = [length(n) for p in MODULES if package in p.parts for n in functions(ast.parse(p.read_text()))]
    assert statistics.median(lengths) <= MAX_MEDIAN_LINES


def test_module_names_are_nouns_that_say_something():
    names = {p.stem for p in MODULES if not p.stem.startswith("__")}
    assert not names & VAGUE
    assert all(re.fullmatch(r"[a-z]+", name) for name in names if "lab" not in name), "one word each"


@pytest.mark.parametrize("path", PURE, ids=lambda p: p.name)
def test_pure_modules_open_nothing_and_read_no_clock(path):
    tree = ast.parse(path.read_text())
    called = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    assert not {
        c for c in called if c in {"open", "input"} or c.endswith((".now", ".utcnow", ".today", "time.time"))
    }


@pytest.mark.parametrize("package", ["diagnose", "evals"])
def test_public_names_are_sorted_and_documented(package):
    tree = ast.parse((ROOT / package / "__init__.py").read_text())
    names = next(
        ast.literal_eval(n.value)
        for n in tree.body
        if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__"
    )
    assert names == sorted(names)
    others = [n for n in tree.body if not isinstance(n, ast.Expr | ast.Import | ast.ImportFrom | ast.Assign)]
    assert not others, "a package's __init__ holds a docstring, imports and __all__"


def test_tests_are_no_package_and_data_folders_hold_no_python():
    assert not list((ROOT / "tests").rglob("__init__.py"))
    assert not [p for d in ("datasets", "prompts", "reports") for p in (ROOT / d).rglob("*.py")]


def test_locks_name_no_host():
    for lock in (ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"https?://|--index-url|--find-links", lock.read_text()), lock.name


def test_make_prints_at_most_sixteen_targets():
    shown = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory"], capture_output=True, text=True, check=True
    )
    lines = [line for line in shown.stdout.splitlines() if line.startswith("  make ")]
    assert 8 <= len(lines) <= 16


def content(path):
    data = path.read_bytes()
    if path.suffix != ".gz":
        return data
    return zlib.decompressobj(wbits=31).decompress(data)  # some are cut on purpose


GENERATED = {"datasets", "reports", "requirements"}
GENERATED_FILES = {"package-lock.json", "metadata.schema.json", "diagnosis.schema.json"}
LAB_LOCKS = ROOT / "evals" / "lab" / "cluster"


def test_committed_files_hold_no_path_of_a_machine_and_stay_small():
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=False
    ).stdout
    files = [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]
    if not files:
        pytest.skip("not a git checkout")
    locks = {*LAB_LOCKS.glob("*.txt"), *LAB_LOCKS.glob("*.sha256")}
    made = [
        f
        for f in files
        if f.relative_to(ROOT).parts[0] in GENERATED or f.name in GENERATED_FILES or f in locks
    ]
    assert sum(f.stat().st_size for f in made) < 10_000_000, "what programs wrote"
    assert sum(f.stat().st_size for f in set(files) - set(made)) < 5_000_000, "what people wrote"
    private = re.compile(rb"/work/(?:main|shared)|/root/\.pyenv|/tmp/venv")
    named = [
        f.relative_to(ROOT) for f in files if f.name != "test_conventions.py" and private.search(content(f))
    ]
    assert not named


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_test_modules_are_short(path):
    assert len(path.read_text().splitlines()) <= MAX_MODULE_LINES
