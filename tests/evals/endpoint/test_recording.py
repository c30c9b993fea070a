"""What is committed in datasets/recordings: whole, small, and with nothing in it to hide."""

import re
from pathlib import Path

import pytest

from diagnose.recording import RecordedModel
from diagnose.redaction import redact
from evals.subset import read_subset

FOLDER = Path(__file__).resolve().parents[3] / "datasets" / "recordings"
FILES = sorted(FOLDER.glob("*.jsonl"))
MAX_BYTES = 1 << 20


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_committed_recording_loads_and_is_redacted(file):
    recorded = RecordedModel.load(file)
    assert recorded.model_id.startswith("local.smollm2-135m")
    for reply in recorded.replies.values():
        assert redact(reply.text) == reply.text
        assert not re.search(r"/(?:root|home/runner|work|tmp/llm|Users)/", reply.text)


def test_recordings_are_small_and_say_where_they_come_from():
    assert sum(file.stat().st_size for file in FILES) <= MAX_BYTES
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(file.stem.removeprefix("smollm2-135m-") in readme for file in FILES)
    assert re.search(r"SHA-256 `[0-9a-f]{64}`", readme)


@pytest.mark.skipif(not (FOLDER / "subset.txt").is_file(), reason="no subset is committed")
def test_the_subset_names_cases_that_there_are():
    listed = "".join(file.read_text(encoding="utf-8") for file in FOLDER.parent.glob("*/cases.jsonl"))
    assert not [name for name in read_subset(FOLDER / "subset.txt") if f'"case_id":"{name}"' not in listed]
