"""A finished step → EMR's own records of it: event, DescribeStep, DescribeCluster, the controller's log.

EMR writes these itself, so they are imitated; everything else of a case comes from the run. Pure.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

_ID_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CHILD_SHOWN: Final = "hadoop jar /var/lib/aws/emr/step-runner/hadoop-..."


@dataclass(frozen=True, kw_only=True)
class Step:
    """What EMR knows of a step that ended."""

    scenario_id: str
    name: str
    arguments: tuple[str, ...]
    user: str
    exit_code: int
    started: datetime
    ended: datetime
    applications: Sequence[str]
    release: str
    spark: str
    hadoop: str

    @property
    def cluster_id(self) -> str:
        """The cluster's id: the same for the same scenario."""
        return identifier("j", self.scenario_id)

    @property
    def id(self) -> str:
        """The step's id: the same for the same scenario."""
        return identifier("s", self.scenario_id)

    @property
    def failed(self) -> bool:
        """Whether the step ended with an error."""
        return self.exit_code != 0


def identifier(prefix: str, scenario_id: str) -> str:
    """Make the cluster's or step's id: the same for the same scenario, shaped as EMR's."""
    number = int.from_bytes(hashlib.sha256(f"{prefix}/{scenario_id}".encode()).digest())
    digits = [_ID_ALPHABET[number // 36**place % 36] for place in range(13)]
    return f"{prefix}-{''.join(digits)}"


def instance(scenario_id: str, role: str) -> str:
    """Make an EC2 instance's id, shaped as Amazon's: 17 hexadecimal digits."""
    return "i-0" + hashlib.sha256(f"{role}/{scenario_id}".encode()).hexdigest()[:16]


def controller(step: Step) -> str:
    """Write the step's controller log."""
    short, seconds = step.id.removeprefix("s-"), _seconds(step)
    command = " ".join(
        ["hadoop jar /var/lib/aws/emr/step-runner/hadoop-jars/command-runner.jar", *step.arguments]
    )
    base = "/mnt/var/log/hadoop/steps"
    outcome = (
        f"WARN Step failed with exitCode {step.exit_code} and took {seconds} seconds"
        if step.failed
        else f"INFO Step succeeded with exitCode 0 and took {seconds} seconds"
    )
    return "\n".join(
        [
            f"{_iso_millis(step.started)} INFO Ensure step {short} jar file command-runner.jar",
            f"{_iso_millis(step.started)} INFO StepRunner: Created Runner for step {short}",
            f"INFO startExec '{command}'",
            "INFO Environment:",
            "  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
            f"  HADOOP_USER_NAME={step.user}",
            f"INFO redirectOutput to {base}/{step.id}/stdout",
            f"INFO redirectError to {base}/{step.id}/stderr",
            f"INFO Working dir /mnt/var/lib/hadoop/steps/{step.id}",
            "INFO ProcessRunner started child process 11742",
            f"INFO Synchronously wait child process to complete : {_CHILD_SHOWN}",
            f"INFO waitProcessCompletion ended with exit code {step.exit_code}",
            f"INFO total process run time: {seconds} seconds",
            f"{_iso_millis(step.ended)} {outcome}",
            "",
        ]
    )


def meta(step: Step) -> dict[str, Any]:
    """Build `meta.json`: event (EventBridge), step (DescribeStep), cluster (DescribeCluster)."""
    return {
        "event": _event(step),
        "step": _description(step),
        "cluster": {
            "Id": step.cluster_id,
            "Name": "analytics",
            "ReleaseLabel": step.release,
            "LogUri": "s3n://acme-emr-logs/",
            "Applications": [
                {"Name": "Spark", "Version": step.spark},
                {"Name": "Hadoop", "Version": step.hadoop},
            ],
        },
    }


def _event(step: Step) -> dict[str, Any]:
    verb = "failed" if step.failed else "completed execution"
    return {
        "version": "0",
        "id": hashlib.sha256(f"event/{step.scenario_id}".encode()).hexdigest()[:32],
        "detail-type": "EMR Step Status Change",
        "source": "aws.emr",
        "account": "123456789012",
        "time": _iso_seconds(step.ended),
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "severity": "ERROR" if step.failed else "INFO",
            "actionOnFailure": "CONTINUE",
            "stepId": step.id,
            "name": step.name,
            "clusterId": step.cluster_id,
            "state": _state(step),
            "message": f"Step {step.id} ({step.name}) in Amazon EMR cluster {step.cluster_id} (analytics) "
            f"{verb} at {step.ended:%Y-%m-%d %H:%M} UTC.",
        },
    }


def _description(step: Step) -> dict[str, Any]:
    log_file = f"s3://acme-emr-logs/{step.cluster_id}/steps/{step.id}/stderr.gz"
    started = _iso_seconds(step.started)
    failure = {"FailureDetails": {"Reason": "Unknown Error", "LogFile": log_file}} if step.failed else {}
    return {
        "Id": step.id,
        "Name": step.name,
        "Config": {"Jar": "command-runner.jar", "Properties": {}, "Args": list(step.arguments)},
        "ActionOnFailure": "CONTINUE",
        "Status": {
            "State": _state(step),
            "StateChangeReason": {},
            **failure,
            "Timeline": {
                "CreationDateTime": started,
                "StartDateTime": started,
                "EndDateTime": _iso_seconds(step.ended),
            },
        },
        "AdditionalInfo": {"ResourceManagerApplicationIds": list(step.applications)},
    }


def _state(step: Step) -> str:
    return "FAILED" if step.failed else "COMPLETED"


def _seconds(step: Step) -> int:
    return round((step.ended - step.started).total_seconds())


def _iso_seconds(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def _iso_millis(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
