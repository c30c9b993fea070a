import re
from datetime import UTC, datetime

from evals.lab.record import Step, controller, identifier, instance, meta


def step(code: int) -> Step:
    return Step(
        scenario_id="demo", name="demo_job", arguments=("spark-submit", "x.py"), user="etl", exit_code=code,
        started=datetime(2026, 1, 1, 0, 0, 0, 5000, tzinfo=UTC), ended=datetime(2026, 1, 1, 0, 1, 1, tzinfo=UTC),
        applications=["application_1_0001"], release="emr-7.3.0", spark="3.5.7", hadoop="3.3.4",
    )  # fmt: skip


def test_ids_are_shaped_as_emrs_and_follow_from_the_scenario() -> None:
    assert re.fullmatch(r"j-[0-9A-Z]{13}", identifier("j", "demo"))
    assert identifier("j", "demo") == identifier("j", "demo") != identifier("j", "other")
    assert re.fullmatch(r"i-0[0-9a-f]{16}", instance("demo", "core"))
    assert instance("demo", "core") != instance("demo", "primary")


def test_the_controller_tells_command_user_and_outcome() -> None:
    text = controller(step(13))
    assert "command-runner.jar spark-submit x.py'" in text
    assert "HADOOP_USER_NAME=etl" in text
    assert text.splitlines()[0].startswith("2026-01-01T00:00:00.005Z INFO Ensure step")
    assert text.endswith("WARN Step failed with exitCode 13 and took 61 seconds\n")
    assert controller(step(0)).endswith("INFO Step succeeded with exitCode 0 and took 61 seconds\n")


def test_the_records_agree_with_each_other() -> None:
    row = meta(step(1))
    detail = row["event"]["detail"]
    assert (detail["state"], detail["severity"]) == ("FAILED", "ERROR")
    assert detail["clusterId"] == row["cluster"]["Id"]
    assert detail["stepId"] == row["step"]["Id"]
    assert row["step"]["Status"]["FailureDetails"]["LogFile"].endswith(f"/{row['step']['Id']}/stderr.gz")
    assert row["step"]["AdditionalInfo"]["ResourceManagerApplicationIds"] == ["application_1_0001"]
    assert meta(step(0))["event"]["detail"]["message"].endswith(
        "completed execution at 2026-01-01 00:01 UTC."
    )
