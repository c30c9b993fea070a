"""Where a path leads: case folders, trees, clusters, steps, files."""

import json

import pytest

from diagnose.errors import UsageError
from diagnose.failure import Failure, JobContext
from diagnose.pipeline import run_logs, run_place
from diagnose.place import Place, find_place

META = {
    "event": {
        "time": "2026-11-22T07:45:24Z",
        "detail": {"stepId": "s-1AXTREE000001", "name": "orders", "clusterId": "j-2AXTREE000001"},
    }
}


@pytest.fixture
def case(tree, tmp_path):
    tree.driver(status=3).write(tmp_path)
    (tmp_path / "meta.json").write_text(json.dumps(META))
    return tmp_path


@pytest.mark.parametrize(
    "part", [".", "logs", "logs/j-2AXTREE000001", "logs/j-2AXTREE000001/steps/s-1AXTREE000001"]
)
def test_every_folder_of_a_case_leads_to_its_step(case, part):
    place = find_place(case / part)
    assert place.failure.step_id == "s-1AXTREE000001"
    assert place.failure.cluster_id == "j-2AXTREE000001"
    assert {f.name.split("/")[0] for f in place.store.list()} == {"steps", "containers"}


@pytest.mark.parametrize("part", ["steps", "containers", "containers/application_1795331436133_0007"])
def test_a_folder_inside_the_tree_leads_to_its_cluster(case, part):
    place = find_place(case / "logs" / "j-2AXTREE000001" / part)
    assert {f.name.split("/")[0] for f in place.store.list()} == {"steps", "containers"}


@pytest.mark.parametrize("above", ["node", "steps", "containers"])
def test_names_of_folders_above_the_case_mean_nothing(tree, tmp_path, above):
    tree.driver(status=3).write(tmp_path / above / "case")
    (tmp_path / above / "other.log").write_text("26/11/22 07:00:00 ERROR X: not ours\n")
    for part in ("case", "case/logs", "case/logs/j-2AXTREE000001"):
        names = {f.name.split("/")[0] for f in find_place(tmp_path / above / part).store.list()}
        assert names == {"steps", "containers"}


def test_a_store_that_can_t_be_listed_is_a_gap(tmp_path):
    class Locked:
        def list(self):
            raise PermissionError(13, "Permission denied")

        def open(self, name):
            raise FileNotFoundError(name)

    place = Place(store=Locked(), failure=Failure(), context=JobContext())
    diagnosis = run_place(place).diagnosis
    assert diagnosis.failure_type == "LOGS_UNAVAILABLE"
    assert any("Permission denied" in gap for gap in diagnosis.gaps)


def test_meta_json_gives_names_and_times(case):
    failure = find_place(case / "logs").failure
    assert failure.job_name == "orders"
    assert failure.failed_at.isoformat() == "2026-11-22T07:45:24+00:00"


def test_a_file_inside_the_layout_is_known_for_what_it_is(case):
    file = next(case.rglob("container_*_000001/stderr.gz"))
    place = find_place(file)
    assert place.store.list()[0].name.startswith("containers/application_")


def test_of_several_clusters_one_must_be_named(tree, tmp_path):
    tree.write(tmp_path)
    (tmp_path / "logs" / "j-3OTHER0000001" / "steps").mkdir(parents=True)
    with pytest.raises(UsageError, match="several clusters"):
        find_place(tmp_path / "logs")
    assert find_place(tmp_path / "logs" / "j-2AXTREE000001")


def test_of_several_steps_the_last_in_time_is_taken_unless_one_is_named(tree, tmp_path):
    tree.driver(status=3)
    early = {
        n.replace("s-1AXTREE000001", "s-9EARLY0000001"): d
        for n, d in tree.files.items()
        if n.startswith("steps")
    }
    root = tree.write(tmp_path)
    for name, data in early.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        import gzip

        file.write_bytes(
            gzip.compress(gzip.decompress(data).replace(b"26/11/22", b"26/11/21").replace(b"11-22", b"11-21"))
        )
    diagnosis = run_logs(root).diagnosis
    assert diagnosis.step_id == "s-1AXTREE000001"
    assert any("2 steps" in gap for gap in diagnosis.gaps)
    assert run_logs(root, step_id="s-9EARLY0000001").diagnosis.step_id == "s-9EARLY0000001"


def test_a_step_without_logs_is_a_gap_not_an_error(tree, tmp_path):
    diagnosis = run_logs(tree.write(tmp_path), step_id="s-0NOSUCH00001").diagnosis
    assert diagnosis.category == "UNKNOWN"
    assert any("missing" in gap for gap in diagnosis.gaps)


def test_a_folder_outside_the_layout_is_read_as_plain_logs(tmp_path):
    (tmp_path / "driver.log").write_text(
        "Traceback (most recent call last):\n  File \"j.py\", line 1\n    f()\nNameError: name 'f' is not defined\n"
    )
    (tmp_path / "other.log").write_text("26/11/22 07:00:00 INFO X: fine\n")
    assert run_logs(tmp_path).diagnosis.failure_type == "CODE_ERROR"


def test_s3_is_refused_with_the_next_step():
    with pytest.raises(UsageError, match="copy the logs"):
        find_place("s3://bucket/logs/j-1")


def test_a_path_that_is_not_there_names_itself(tmp_path):
    with pytest.raises(UsageError, match="none"):
        find_place(tmp_path / "none")
