"""Whatever the files are, a diagnosis comes out: never a traceback, never beyond the budget."""

import gzip
import json
import os
import random
import subprocess
import sys
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diagnose.diagnosis import Diagnosis
from diagnose.errors import UsageError
from diagnose.failure import Failure, JobContext
from diagnose.log import MemoryStore
from diagnose.pipeline import run_logs, run_place
from diagnose.place import Place
from diagnose.record import parse_header
from diagnose.settings import Settings
from diagnose.taxonomy import FailureType

DRIVER = "containers/application_1795331436133_0007/container_1795331436133_0007_01_000001"
STEP = "steps/s-1AXTREE000001"


def diagnose(files, **changes):
    place = Place(store=MemoryStore(files), failure=Failure(step_id="s-1AXTREE000001"), context=JobContext())
    return run_place(place, settings=Settings(**changes))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", None),
        (gzip.compress(b""), None),
        (gzip.compress(b"26/11/22 07:00:00 ERROR X: y\n" * 50)[:-9], "truncated"),
        (b"\x1f\x8b\x08\x00garbage", "truncated"),
        (random.Random(7).randbytes(50_000), "not text"),
        (gzip.compress(random.Random(7).randbytes(50_000)), "not text"),
        (b"\xff\xfe" + "26/11/22 ERROR X: y\n".encode("utf-16-le"), "not text"),
    ],
    ids=["empty", "empty gz", "truncated gz", "damaged gz", "binary", "binary gz", "utf-16"],
)
def test_odd_files_are_a_diagnosis_with_their_gaps_named(content, said):
    files = {f"{STEP}/{s}.gz": content for s in ("stderr", "stdout")} | {f"{DRIVER}/stderr.gz": content}
    state = diagnose(files)
    assert state.diagnosis.category == "UNKNOWN"
    assert not state.diagnosis.safe_to_retry
    assert said is None or any(said in gap for gap in state.diagnosis.gaps)


def test_no_file_is_a_diagnosis():
    diagnosis = diagnose({}).diagnosis
    assert diagnosis.failure_type is FailureType.LOGS_UNAVAILABLE


def test_one_line_of_fifty_megabytes_costs_little_memory(tree, tmp_path):
    tree.driver(stdout="NameError: name 'x' is not defined\n")
    line = b"26/11/22 07:00:04 INFO Job: " + b"abcdefgh " * (50_000_000 // 9)
    tree.files[f"{DRIVER}/stderr.gz"] = gzip.compress(
        line + b"\n26/11/22 07:00:05 ERROR X: y\n", compresslevel=1
    )
    root = tree.write(tmp_path)
    tracemalloc.start()
    state = run_logs(root)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60 << 20
    assert len(state.excerpt.render().encode()) <= 32768


def test_long_lines_are_cut_with_a_mark_and_short_ones_never(tree, tmp_path):
    short, long = "NameError: " + "n" * 1980, "ValueError: " + "v" * 30_000
    tree.driver(stdout=f'Traceback (most recent call last):\n  File "j.py", line 1\n    f()\n{long}\n')
    cut = run_logs(tree.write(tmp_path / "a"))
    assert all(len(text) <= 2001 for text in cut.diagnosis.log_evidences)
    tree.driver(stdout=f'Traceback (most recent call last):\n  File "j.py", line 1\n    f()\n{short}\n')
    whole = run_logs(tree.write(tmp_path / "b"))
    assert short in whole.diagnosis.log_evidences


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from([f"{STEP}/stderr.gz", f"{STEP}/stdout.gz", f"{DRIVER}/stderr.gz", f"{DRIVER}/stdout.gz"]),
        st.one_of(
            st.binary(max_size=2000),
            st.lists(
                st.sampled_from(
                    [
                        "Traceback (most recent call last):", '  File "a.py", line 1', "    x = y", "KeyError: 'a'",
                        "26/11/22 07:00:05 ERROR X: y", "26/11/22 07:00:05 INFO X: y", "\tat a.b(C.java:1)", "",
                        "Caused by: java.io.IOException: No space left on device", "== x:1-2 - -", "\x1b[31mred\x1b[0m",
                        "During handling of the above exception, another exception occurred:", "\r", "{", "password=",
                        "26/11/22 07:00:05 WARN TaskSetManager: Lost task 0.0 in stage 1.0 (TID 3) (h): x",
                    ]
                ),
                max_size=60,
            ).map(lambda lines: "\n".join(lines).encode()),
        ),
    ),
    st.sampled_from([1024, 4096, 32768]),
)  # fmt: skip
def test_any_bytes_give_a_valid_payload_within_the_budget(files, budget):
    state = diagnose(files, max_log_size_bytes=budget)
    Diagnosis.model_validate_json(state.diagnosis.model_dump_json())
    assert len(state.excerpt.render().encode()) <= budget
    assert not state.diagnosis.safe_to_retry


def test_provenance_names_lines_that_are_there(tree, tmp_path):
    tree.driver(
        "26/11/22 07:00:05 WARN X: odd\n" * 5, stdout="one\ntwo\nNameError: name 'x' is not defined\n"
    )
    state = run_logs(tree.write(tmp_path))
    for block in state.excerpt.blocks:
        name = next((n for n in tree.files if n == block.file), None)
        assert name is not None
        source = gzip.decompress(tree.files[name]).decode().splitlines()
        assert [source[n - 1] for n in block.numbers] == list(block.lines)


def test_the_rules_path_imports_nothing_heavy():
    code = "import sys, diagnose.cli; print([m for m in sys.modules if m.split('.')[0] in %r])"
    heavy = ["langchain", "langchain_aws", "boto3", "botocore", "pandas", "numpy", "mlflow"]
    shown = subprocess.run([sys.executable, "-c", code % heavy], capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout.replace("'", '"')) == []


@pytest.mark.parametrize(
    "meta",
    [
        "[" * 200_000,
        '{"step": {"Config": {"Args": 5}}}',
        '{"step": {"Id": "\\ud800", "Name": "\\ud800"}}',
        '{"step": {"Status": {"FailureDetails": {"Message": {"a": 1}}}}}',
    ],
)
def test_no_meta_json_stops_a_diagnosis(tree, tmp_path, meta):
    root = tree.driver(status=3).write(tmp_path)
    (tmp_path / "meta.json").write_text(meta)
    assert run_logs(root).diagnosis.failure_type is FailureType.UNEXPLAINED_EXIT


def test_odd_names_and_links_in_a_tree_are_survived(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "loop").symlink_to(folder)
    (folder / "odd\x1b[31m\nname.log").write_text("26/11/22 07:00:00 ERROR X: y\n")
    (folder / "b.log").write_text("26/11/22 07:00:00 ERROR X: z\n")
    os.mkfifo(folder / "pipe")
    text = run_logs(folder).excerpt.render()
    assert "\x1b" not in text
    assert all(line.startswith(("== ", "26/11/22")) for line in text.splitlines())


@pytest.mark.parametrize("path", ["x" * 5000, "nul\0byte"])
def test_impossible_paths_are_usage_errors(path):
    with pytest.raises(UsageError):
        run_logs(path)


def test_a_hostile_header_costs_little():
    begun = time.process_time()
    parse_header("2026-11-22 07:43:30 " + "- " * 8000)
    assert time.process_time() - begun < 0.1


def test_overlong_lines_have_blocks_of_their_own(tree, tmp_path):
    long = "26/11/22 07:00:05 ERROR X: " + "word Exception " * 4000
    tree.driver(f"{long}\n26/11/22 07:00:06 ERROR Y: after\n")
    for block in run_logs(tree.write(tmp_path)).excerpt.blocks:
        assert len(block.lines) == block.last - block.first + 1
