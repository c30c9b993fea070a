from datetime import UTC, datetime
from pathlib import Path

import pytest

from diagnose.taxonomy import TriageLabel
from evals.errors import ScenarioError
from evals.triage.scene import SCENES, read_all

SCENE = """
[[scene]]
id = "a"
description = "d"
template = "service-gone"
job = "j"
failure_type = "SERVICE_UNREACHABLE"
triage_label = "UNKNOWN"
evidence = ["HTTP Error 503"]
difficulty = "easy"
[scene.signals.deployment]
time = "{{hours_before:6}}"
note = ["key {{canary:key}}", 3]
"""
FAILED_AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scenes.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_placeholders_give_times_before_the_failure_and_secrets(tmp_path: Path) -> None:
    (scene,) = read_all(written(tmp_path, SCENE))
    deployment = scene.filled(FAILED_AT)["deployment"]
    assert deployment["time"] == "2026-11-21T21:00:00Z"
    assert deployment["note"] == [f"key {scene.canaries[0]}", 3]
    assert len(scene.canaries) == 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("service-gone", "no-such", "template no-such is unknown"),
        ('"UNKNOWN"', '"NONE"', "triage_label"),
        ("[[scene]]", "[[scenes]]", "correct the file"),
        ('"easy"', '"easy', "can't be read"),
        ('evidence = ["HTTP Error 503"]', "evidence = []", "evidence"),
    ],
)
def test_a_scene_that_is_none_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(ScenarioError, match=words):
        read_all(written(tmp_path, SCENE.replace(old, new)))


def test_a_placeholder_that_names_nothing_is_refused(tmp_path: Path) -> None:
    (scene,) = read_all(written(tmp_path, SCENE.replace("hours_before", "days_before")))
    with pytest.raises(ScenarioError, match="days_before:6}} names nothing"):
        scene.filled(FAILED_AT)


def test_the_scenes_cover_every_label() -> None:
    scenes = read_all(SCENES)
    assert {scene.triage_label for scene in scenes} == set(TriageLabel)
    assert len({scene.id for scene in scenes}) == len(scenes)
