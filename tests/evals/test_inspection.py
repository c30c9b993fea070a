import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.dataset import digest, index_labels, load
from evals.errors import DatasetError
from evals.finding import Findings, Level
from evals.inspection import MAX_BYTES, check

Build = Callable[..., Any]
LAB = Path(__file__).parents[2] / "datasets" / "lab"
WORD = "Zeru" + "gafo-81kq"


def rules(found: Findings, level: Level = Level.ERROR) -> list[str]:
    return [item.rule.value for item in found.items if item.level is level]


def edit(folder: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    path = folder / "cases.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    change(rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def two(dataset: Build) -> Path:
    """Two cases with different logs, both sound."""
    folder: Path = dataset("one")
    second = shutil.copytree(folder / "one", folder / "two")
    log = second / "logs" / "j-TEST" / "steps" / "s-TEST" / "stdout.gz"
    log.write_bytes(gzip.compress(b"INFO other work\nConnection refused by the partner\n", mtime=0))

    def add(rows: list[dict[str, Any]]) -> None:
        row = json.loads(json.dumps(rows[0]).replace('"one', '"two'))
        row["metadata"]["sha256"] = digest(second / "logs")
        rows.append(row)

    edit(folder, add)
    return folder


def test_the_labs_dataset_is_sound_and_counted() -> None:
    found = check([LAB])
    assert found.items == ()
    (census,) = found.censuses
    assert (census.cases, census.sha256) == (len(load(LAB).cases), load(LAB).sha256)
    assert census.size_bytes == sum(path.stat().st_size for path in LAB.rglob("*") if path.is_file())


def test_a_sound_dataset_gives_no_finding(two: Path) -> None:
    assert check([two]).items == ()


def test_all_problems_are_reported_at_once(two: Path) -> None:
    (two / "one" / "meta.json").write_text("{", encoding="utf-8")
    (two / "notes.py").write_text("", encoding="utf-8")
    (two / "link").symlink_to(two / "one")

    def spoil(rows: list[dict[str, Any]]) -> None:
        rows[1]["metadata"]["category"] = "NETWORK"
        rows[1]["metadata"]["failure_type"] = "BROKEN"
        rows[1]["vars"]["extra"] = "{{ x }}"
        rows.append({"vars": "text"})

    edit(two, spoil)
    with (two / "cases.jsonl").open("a", encoding="utf-8") as stream:
        stream.write("{\n")
    found = rules(check([two]))
    assert set(found) == {"line", "label", "promptfoo", "folder", "checksum", "files"}
    assert found.count("folder") == 2
    assert found.count("label") >= 3


def test_an_id_is_unique_over_all_datasets(two: Path, tmp_path: Path) -> None:
    other = shutil.copytree(two, tmp_path / "copy")
    found = check([two, other])
    assert rules(found) == ["duplicate"] * 4, "each id twice, and each log twice"
    assert "remove one" in found.items[-1].message


def test_logs_under_another_id_are_one_case_twice(two: Path) -> None:
    shutil.copytree(two / "one", two / "uno")

    def add(rows: list[dict[str, Any]]) -> None:
        rows.append(json.loads(json.dumps(rows[0]).replace('"one', '"uno')))

    edit(two, add)
    (found,) = check([two]).items
    assert (found.rule, found.case) == ("duplicate", "uno")


def test_rows_out_of_order_are_a_warning(two: Path) -> None:
    edit(two, lambda rows: rows.reverse())
    assert rules(check([two])) == []
    assert rules(check([two]), Level.WARNING) == ["line"]


@pytest.mark.parametrize("log_root", ["/etc", "../elsewhere/logs"])
def test_a_log_root_outside_is_not_read(two: Path, log_root: str) -> None:
    edit(two, lambda rows: rows[0]["vars"].update(log_root=log_root))
    assert rules(check([two])) == ["path"]


def test_a_log_root_that_a_link_leads_out_of_is_not_read(two: Path, tmp_path: Path) -> None:
    shutil.move(two / "one", tmp_path / "moved")
    (two / "one").symlink_to(tmp_path / "moved")
    assert sorted(rules(check([two]))) == ["folder", "path"]


def test_missing_logs_are_found(two: Path) -> None:
    shutil.rmtree(two / "one" / "logs")
    assert rules(check([two])) == ["files"]
    (two / "one" / "logs").mkdir()
    assert rules(check([two])) == ["files"], "git keeps no empty folder"


def test_altered_logs_are_found(two: Path) -> None:
    (two / "one" / "logs" / "new").write_text("more", encoding="utf-8")
    (found,) = check([two]).items
    assert found.rule == "checksum"


@pytest.mark.parametrize(
    "name",
    ["one/logs/j-TEST/steps/s-TEST/stderr", "one/meta.json", "one/extra.txt", "README.txt", "lost/logs/x"],
)
def test_a_secret_in_any_file_is_found(two: Path, name: str) -> None:
    path = two / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"db.password": WORD}), encoding="utf-8")
    assert "credential" in rules(check([two]))


def test_a_secret_of_a_case_whose_label_is_not_valid_is_found_too(two: Path) -> None:
    (two / "one" / "logs" / "more").write_text(f"password={WORD}", encoding="utf-8")
    edit(two, lambda rows: rows[0]["metadata"].update(category="NETWORK"))
    assert sorted(rules(check([two]))) == ["credential", "label"]


def test_a_secret_in_a_label_is_found(two: Path) -> None:
    edit(two, lambda rows: rows[0]["metadata"].update(notes=f"logged in with password={WORD}"))
    assert rules(check([two])) == ["credential"]


@pytest.mark.parametrize("text", ["[1]", "{", "\xff", '{"a":' * 1010 + "1" + "}" * 1010, '{"a": NaN}'])
def test_bad_records_are_a_finding_and_stop_nothing(two: Path, text: str) -> None:
    (two / "one" / "meta.json").write_text(text, encoding="latin-1")
    assert sorted(rules(check([two]))) == ["checksum", "files"]


def test_missing_records_are_a_warning(two: Path) -> None:
    (two / "one" / "meta.json").unlink()
    assert rules(check([two]), Level.WARNING) == ["files"]


def test_a_deeply_nested_row_is_a_finding(two: Path) -> None:
    deep = '{"vars":' + '{"a":' * 1000 + "1" + "}" * 1000 + "}\n"
    with (two / "cases.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(deep)
    assert set(rules(check([two]))) == {"label", "promptfoo"}


def test_a_folder_that_no_case_names_is_a_warning(two: Path) -> None:
    (two / "lost").mkdir()
    (two / "lost" / "x").write_text("x", encoding="utf-8")
    assert rules(check([two]), Level.WARNING) == ["folder"]


def test_a_large_dataset_is_a_warning(two: Path) -> None:
    with (two / "one" / "logs" / "sparse").open("wb") as stream:
        stream.truncate(MAX_BYTES)
    assert rules(check([two]), Level.WARNING) == ["size"]


def test_labelled_folders_are_checked_with_all_their_problems(tmp_path: Path, logs: Build) -> None:
    label = {
        "category": "DEPENDENCY_FAILURE",
        "failure_type": "SERVICE_UNREACHABLE",
        "safe_to_retry": True,
        "evidence": ["Connection refused"],
    }
    for name, more in (("a", {}), ("b", {"category": "NETWORK"}), ("c", {"evidence": ["never printed"]})):
        logs(tmp_path / name)
        (tmp_path / name / "label.json").write_text(
            json.dumps({**label, "id": name, **more}), encoding="utf-8"
        )
    assert sorted(rules(check([tmp_path]))) == ["duplicate", "evidence", "label"]


def test_a_label_corrected_after_indexing_is_found(tmp_path: Path, logs: Build) -> None:
    logs(tmp_path / "a")
    label = {
        "id": "a",
        "category": "DEPENDENCY_FAILURE",
        "failure_type": "SERVICE_UNREACHABLE",
        "safe_to_retry": True,
        "evidence": ["Connection refused"],
        "origin": "historical",
    }
    path = tmp_path / "a" / "label.json"
    path.write_text(json.dumps(label), encoding="utf-8")
    index_labels(tmp_path)
    assert check([tmp_path]).items == ()
    path.write_text(json.dumps({**label, "safe_to_retry": False, "notes": "posted before"}), encoding="utf-8")
    (found,) = check([tmp_path]).items
    assert (found.rule, found.place) == ("label", f"{tmp_path / 'cases.jsonl'}:1")
    path.write_text("{", encoding="utf-8")
    assert rules(check([tmp_path])) == ["label"]


def test_a_dataset_without_cases_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cases.jsonl").write_text("\n", encoding="utf-8")
    assert rules(check([tmp_path])) == ["line"]


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        check([tmp_path / "nowhere"])
