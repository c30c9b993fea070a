"""A finished submission → a case folder in EMR's layout: logs/<cluster>/steps/<step>/*.gz and meta.json.

Edited is only what an EMR node would name differently: host name, addresses, folders and kernel version of
this machine. The controller log, which EMR itself writes, is imitated. Compression is deterministic.
"""

import gzip
import hashlib
import json
import platform
import re
import shutil
import socket
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from evals.dataset import META_FILE
from evals.errors import ScenarioError
from evals.lab.scenario import Scenario
from evals.lab.submission import Place, Submission

NODE_HOST: Final = "ip-10-0-2-10.ec2.internal"
NODE_ADDRESS: Final = "10.0.2.10"
NODE_KERNEL: Final = "6.1.109-118.189.amzn2023.x86_64"
MAX_CASE_BYTES: Final = 40 * 1024
"""Compressed; keeps the repository small."""

_ID_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CHILD_SHOWN: Final = "hadoop jar /var/lib/aws/emr/step-runner/hadoop-..."


def harvest(scenario: Scenario, submission: Submission, place: Place, output: Path) -> Path:
    """Write the case folder `output/<id>`, replacing an earlier one, and return it.

    Raises:
        ScenarioError: The folder would be too large, or still names this machine.
    """
    cluster, step = identifier("j", scenario.id), identifier("s", scenario.id)
    edit = _Edit(place)
    arguments = tuple(edit.text(argument) for argument in submission.arguments)
    streams = {
        "controller": _controller(step, arguments, submission),
        "stderr": edit.text(submission.stderr.decode("utf-8", errors="replace")),
        "stdout": edit.text(submission.stdout.decode("utf-8", errors="replace")),
        "syslog": "",
    }
    edit.check(scenario.id, streams.values())
    packed = {name: gzip.compress(text.encode(), mtime=0) for name, text in streams.items()}
    if sum(map(len, packed.values())) > MAX_CASE_BYTES:
        raise ScenarioError(f"{scenario.id}: logs above {MAX_CASE_BYTES} bytes; make the job say less")
    folder = output / scenario.id
    shutil.rmtree(folder, ignore_errors=True)
    target = folder / "logs" / cluster / "steps" / step
    target.mkdir(parents=True)
    for name, data in packed.items():
        (target / f"{name}.gz").write_bytes(data)
    meta = _meta(scenario, submission, arguments, cluster, step)
    (folder / META_FILE).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
    return folder


def identifier(prefix: str, scenario_id: str) -> str:
    """Make the cluster's or step's id: the same for the same scenario, shaped as EMR's."""
    number = int.from_bytes(hashlib.sha256(f"{prefix}/{scenario_id}".encode()).digest())
    digits = [_ID_ALPHABET[number // 36**place % 36] for place in range(13)]
    return f"{prefix}-{''.join(digits)}"


class _Edit:
    """Renames host, addresses and folders of this machine, longest first."""

    def __init__(self, place: Place) -> None:
        packages = place.spark.parent
        folders = {
            str(place.home): "/home/hadoop",
            str(place.tmp): "/mnt/tmp",
            str(place.cache): "/home/hadoop",
            str(place.spark): "/usr/lib/spark",
            str(packages): "/usr/local/lib/python3.11/site-packages",
            sys.executable: "/usr/bin/python3",
            str(Path(json.__file__).parent.parent): "/usr/lib64/python3.11",
            sys.prefix: "/usr/local",
            sys.base_prefix: "/usr",
        }
        self._folders = sorted(folders.items(), key=lambda pair: -len(pair[0]))
        host = re.escape(socket.gethostname())
        addresses = "|".join(map(re.escape, _own_addresses()))
        self._host = re.compile(rf"(?<![\w.-]){host}(?:\.[\w.-]+)?(?![\w-])")
        self._address = re.compile(rf"(?<![\d.])(?:{addresses})(?![\d.]*\d)") if addresses else None

    def text(self, text: str) -> str:
        for ours, theirs in self._folders:
            text = text.replace(ours, theirs)
        text = text.replace(platform.release(), NODE_KERNEL)
        text = self._host.sub(NODE_HOST, text)
        return self._address.sub(NODE_ADDRESS, text) if self._address else text

    def check(self, name: str, texts: Iterable[str]) -> None:
        """Refuse what still names a folder or the host of this machine."""
        for text in texts:
            left = [ours for ours, theirs in self._folders if ours in text and not theirs.startswith(ours)]
            if left or self._host.search(text):
                raise ScenarioError(
                    f"{name}: the logs still name {left or 'the host'}; edit it in evals/lab/harvest.py"
                )


def _own_addresses() -> list[str]:
    """List the addresses of this machine other than loopback."""
    found = {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1: a datagram socket sends nothing on connect
            found.add(str(probe.getsockname()[0]))
        except OSError:
            pass  # no route: no address beside loopback
    return sorted(address for address in found if not address.startswith("127."))


def _controller(step: str, arguments: tuple[str, ...], submission: Submission) -> str:
    short, seconds = step.removeprefix("s-"), _seconds(submission)
    command = " ".join(["hadoop jar /var/lib/aws/emr/step-runner/hadoop-jars/command-runner.jar", *arguments])
    base = "/mnt/var/log/hadoop/steps"
    return "\n".join(
        [
            f"{_iso_millis(submission.started)} INFO Ensure step {short} jar file command-runner.jar",
            f"{_iso_millis(submission.started)} INFO StepRunner: Created Runner for step {short}",
            f"INFO startExec '{command}'",
            "INFO Environment:",
            "  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
            "  HADOOP_USER_NAME=hadoop",
            f"INFO redirectOutput to {base}/{step}/stdout",
            f"INFO redirectError to {base}/{step}/stderr",
            f"INFO Working dir /mnt/var/lib/hadoop/steps/{step}",
            "INFO ProcessRunner started child process 11742",
            f"INFO Synchronously wait child process to complete : {_CHILD_SHOWN}",
            f"INFO waitProcessCompletion ended with exit code {submission.exit_code}",
            f"INFO total process run time: {seconds} seconds",
            f"{_iso_millis(submission.ended)} WARN Step failed with exitCode {submission.exit_code} "
            f"and took {seconds} seconds",
            "",
        ]
    )


def _meta(
    scenario: Scenario, submission: Submission, arguments: tuple[str, ...], cluster: str, step: str
) -> dict[str, Any]:
    return {
        "event": _event(scenario, submission, cluster, step),
        "step": _step(scenario, submission, arguments, cluster, step),
        "cluster": {
            "Id": cluster,
            "Name": "analytics",
            "ReleaseLabel": "emr-7.3.0",
            "LogUri": "s3n://acme-emr-logs/",
            "Applications": [{"Name": "Spark", "Version": "3.5.7"}, {"Name": "Hadoop", "Version": "3.3.4"}],
        },
    }


def _event(scenario: Scenario, submission: Submission, cluster: str, step: str) -> dict[str, Any]:
    name, ended = scenario.job_name, submission.ended
    return {
        "version": "0",
        "id": hashlib.sha256(f"event/{scenario.id}".encode()).hexdigest()[:32],
        "detail-type": "EMR Step Status Change",
        "source": "aws.emr",
        "account": "123456789012",
        "time": _iso_seconds(ended),
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "severity": "ERROR",
            "actionOnFailure": "CONTINUE",
            "stepId": step,
            "name": name,
            "clusterId": cluster,
            "state": "FAILED",
            "message": f"Step {step} ({name}) in Amazon EMR cluster {cluster} (analytics) failed at "
            f"{ended:%Y-%m-%d %H:%M} UTC.",
        },
    }


def _step(
    scenario: Scenario, submission: Submission, arguments: tuple[str, ...], cluster: str, step: str
) -> dict[str, Any]:
    log_file = f"s3://acme-emr-logs/{cluster}/steps/{step}/stderr.gz"
    started = _iso_seconds(submission.started)
    return {
        "Id": step,
        "Name": scenario.job_name,
        "Config": {"Jar": "command-runner.jar", "Properties": {}, "Args": list(arguments)},
        "ActionOnFailure": "CONTINUE",
        "Status": {
            "State": "FAILED",
            "StateChangeReason": {},
            "FailureDetails": {"Reason": "Unknown Error", "LogFile": log_file},
            "Timeline": {
                "CreationDateTime": started,
                "StartDateTime": started,
                "EndDateTime": _iso_seconds(submission.ended),
            },
        },
        "AdditionalInfo": {"ResourceManagerApplicationIds": []},
    }


def _seconds(submission: Submission) -> int:
    return round((submission.ended - submission.started).total_seconds())


def _iso_seconds(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def _iso_millis(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
