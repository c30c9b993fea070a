from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evals.errors import PrerequisiteError, ScenarioError
from evals.lab import submission
from evals.lab.cluster.cluster import Application
from evals.lab.scenario import Scenario

LABEL = {
    "category": "UNKNOWN",
    "failure_type": "UNEXPLAINED_EXIT",
    "safe_to_retry": False,
    "evidence": ["exit code 4"],
    "difficulty": "easy",
}


def scenario(**changes: Any) -> Scenario:
    row = {"id": "demo", "description": "x", "source": "pass", "label": LABEL}
    return Scenario.model_validate({**row, **changes})


def test_a_job_is_submitted_with_its_files_and_arguments(place: submission.Place) -> None:
    demo = scenario(
        args=["{{tmp}}/in.csv"],
        conf={"spark.x": "y"},
        packages=["g:a:1"],
        options=["--class", "a.B"],
        file=[{"path": "in.csv", "text": "a,b", "mode": 0o600}],
    )
    done = submission.submit(demo, place)
    assert done.exit_code == 4
    said = done.stdout.decode()
    for part in (
        "--master local[2] --deploy-mode client",
        "--conf spark.x=y",
        "--packages g:a:1 --class a.B",
        f"demo.py {place.tmp}/in.csv",
    ):
        assert part in said
    assert (place.tmp / "in.csv").read_text(encoding="utf-8") == "a,b"
    assert (place.home / "jobs" / "demo.py").read_text(encoding="utf-8") == "pass"


def test_the_job_sees_nothing_of_our_environment(
    place: submission.Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMETHING_PRIVATE", "x")
    assert b"SOMETHING_PRIVATE" not in submission.submit(scenario(), place).stderr


def make_submit(place: submission.Place, text: str) -> None:
    (place.engine.spark / "bin" / "spark-submit").write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")


def test_a_job_that_succeeds_is_refused(place: submission.Place) -> None:
    make_submit(place, "exit 0")
    with pytest.raises(ScenarioError, match="the job succeeded"):
        submission.verify(scenario(), submission.submit(scenario(), place))


def test_a_healthy_job_must_succeed(place: submission.Place) -> None:
    healthy = scenario(healthy=True, label=None)
    with pytest.raises(ScenarioError, match="exit code 4; make it succeed"):
        submission.verify(healthy, submission.submit(healthy, place))
    make_submit(place, "exit 0")
    assert submission.submit(healthy, place).exit_code == 0


def test_a_job_that_hangs_is_stopped(place: submission.Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "TIMEOUT_SECONDS", 0.2)
    make_submit(place, "exec sleep 20")
    with pytest.raises(ScenarioError, match="not ended after"):
        submission.submit(scenario(), place)


def test_a_death_by_signal_is_told_as_a_shell_tells_it(place: submission.Place) -> None:
    make_submit(place, "kill -9 $$")
    assert submission.submit(scenario(), place).exit_code == 137


def finished(*final: str) -> submission.Submission:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    applications = tuple(Application(id=f"a{n}", state="FINISHED", final=one) for n, one in enumerate(final))
    return submission.Submission(
        arguments=(), stdout=b"", stderr=b"", exit_code=1, started=moment, ended=moment, services={},
        applications=applications, daemons={},
    )  # fmt: skip


def test_the_applications_end_as_designed() -> None:
    two = scenario(place="yarn", applications=["SUCCEEDED", "FAILED"])
    submission.verify(two, finished("SUCCEEDED", "FAILED"))
    with pytest.raises(ScenarioError, match="ended FAILED, designed was SUCCEEDED, FAILED"):
        submission.verify(two, finished("FAILED"))
    with pytest.raises(ScenarioError, match="ended FAILED, designed was none"):
        submission.verify(scenario(place="yarn", applications=[]), finished("FAILED"))


def test_what_a_scenario_needs_is_checked(place: submission.Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PrerequisiteError, match="module_that_nobody_wrote"):
        submission.check(scenario(requires=["module_that_nobody_wrote"]), place.engine)
    monkeypatch.setattr(submission.os, "geteuid", lambda: 1000)
    with pytest.raises(PrerequisiteError, match="needs root and setpriv"):
        submission.check(scenario(unprivileged=True), place.engine)
    with pytest.raises(PrerequisiteError, match="needs root to mount"):
        submission.check(scenario(place="yarn", disk_mb=10), place.engine)


def test_a_shell_step_fills_its_placeholders(place: submission.Place) -> None:
    values = {"job": "/h/demo.py", "home": "/h", "tmp": "/t"}
    update = {"shell": "spark-submit {{job}} a && spark-submit {{job}} b"}
    two = scenario(place="yarn").model_copy(update=update)
    assert submission._arguments(two, values) == (
        "bash",
        "-c",
        "spark-submit /h/demo.py a && spark-submit /h/demo.py b",
    )


def test_a_job_on_yarn_names_its_deploy_mode_and_attempts(tmp_path: Path) -> None:
    job = scenario(place="yarn", deploy="client", attempts=2, application="{{home}}/lib/x.jar")
    said = " ".join(submission._arguments(job, {"home": "/h", "job": "/j"}))
    assert said == (
        "spark-submit --master yarn --deploy-mode client --name demo --conf spark.yarn.maxAppAttempts=2 /h/lib/x.jar"
    )
