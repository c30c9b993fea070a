"""Scenes → case folders in EMR's layout and `cases.jsonl`, each label checked against its case.

Nothing depends on the clock, the machine or the version of Python: gzip members are framed here, with no
time, no name and a fixed operating system byte (RFC 1952).
"""

import hashlib
import json
import shutil
import struct
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from diagnose.taxonomy import FACTS, RetryRule
from evals.case import Case
from evals.dataset import CASES_FILE, META_FILE, digest
from evals.errors import ScenarioError
from evals.lab.record import identifier
from evals.source import read_context, read_lines
from evals.triage.journal import Journal
from evals.triage.scene import Scene
from evals.triage.template import TEMPLATES

_GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"


def write_all(scenes: Iterable[Scene], output: Path) -> Path:
    """Write every scene's case folder and the index; nothing else may stand under `output`.

    Raises:
        ScenarioError: A label does not hold in its case, or the folder holds what no scene makes.
    """
    chosen = tuple(scenes)
    output.mkdir(parents=True, exist_ok=True)
    foreign = {file.name for file in output.iterdir()} - {CASES_FILE, *(scene.id for scene in chosen)}
    if foreign:
        raise ScenarioError(f"{output}: {min(foreign)} is of no scene; remove it or give another folder")
    cases = [_write(scene, output) for scene in chosen]
    path = output / CASES_FILE
    path.write_text("".join(f"{case.line()}\n" for case in cases), encoding="utf-8")
    return path


def pack(text: str) -> bytes:
    """Compress a text as one gzip member that holds neither time nor name."""
    raw = text.encode()
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(raw) + deflate.flush()
    return _GZIP_HEAD + body + struct.pack("<II", zlib.crc32(raw), len(raw) & 0xFFFFFFFF)


def _write(scene: Scene, output: Path) -> Case:
    log = Journal(scene.template, scene.job)
    log.begin()
    status = TEMPLATES[scene.template](log)
    log.end(status, _reason(log) if status == _THREW else "")
    ended = log.now + timedelta(seconds=2)
    cluster, step = identifier("j", scene.id), identifier("s", scene.id)
    folder = output / scene.id
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in _files(log, step, ended, 1).items():
        file = folder / "logs" / cluster / f"{name}.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pack(text))
    meta = _meta(scene, log, cluster, step, ended)
    (folder / META_FILE).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
    _verify(scene, folder / "logs")
    return _case(scene, folder / "logs", cluster, step)


_THREW: Final = 15
"""The ApplicationMaster's status for a user class that threw."""


def _reason(log: Journal) -> str:
    found = (line for line in reversed(log.driver) if "User class threw exception: " in line)
    return next(found, "").partition("ERROR ApplicationMaster: ")[2]


def _files(log: Journal, step: str, ended: datetime, status: int) -> dict[str, str]:
    containers = f"containers/{log.application}"
    return {
        f"steps/{step}/controller": _controller(log, step, ended, status),
        f"steps/{step}/stderr": log.client(),
        f"steps/{step}/stdout": "",
        f"steps/{step}/syslog": "",
        f"{containers}/{log.container(1)}/stderr": _text(log.driver),
        f"{containers}/{log.container(1)}/stdout": _text(log.out),
        f"{containers}/{log.container(2)}/stderr": _text(log.executor),
    }


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _arguments(log: Journal) -> list[str]:
    return [
        "spark-submit", "--master", "yarn", "--deploy-mode", "cluster", "--name", log.job,
        "--conf", "spark.yarn.maxAppAttempts=1", "--conf", "spark.executor.memory=5g",
        f"/home/hadoop/jobs/{log.job}.py",
    ]  # fmt: skip


def _controller(log: Journal, step: str, ended: datetime, status: int) -> str:
    short, command = step.removeprefix("s-"), " ".join(_arguments(log))
    seconds = round((ended - log.started).total_seconds())
    base = "/mnt/var/log/hadoop/steps"
    return _text(
        [
            f"{log.started:%Y-%m-%dT%H:%M:%S}.101Z INFO Ensure step {short} jar file command-runner.jar",
            f"{log.started:%Y-%m-%dT%H:%M:%S}.102Z INFO StepRunner: Created Runner for step {short}",
            f"INFO startExec 'hadoop jar "
            f"/var/lib/aws/emr/step-runner/hadoop-jars/command-runner.jar {command}'",
            f"INFO redirectOutput to {base}/{step}/stdout",
            f"INFO redirectError to {base}/{step}/stderr",
            f"INFO waitProcessCompletion ended with exit code {status}",
            f"INFO total process run time: {seconds} seconds",
            f"{ended:%Y-%m-%dT%H:%M:%S}.870Z WARN Step failed with exitCode {status} and took "
            f"{seconds} seconds",
        ]
    )


def _meta(scene: Scene, log: Journal, cluster: str, step: str, ended: datetime) -> dict[str, Any]:
    started, moment = f"{log.started:%Y-%m-%dT%H:%M:%SZ}", f"{ended:%Y-%m-%dT%H:%M:%SZ}"
    meta = {
        "event": {
            "version": "0",
            "id": hashlib.sha256(f"event/{scene.id}".encode()).hexdigest()[:32],
            "detail-type": "EMR Step Status Change",
            "source": "aws.emr",
            "account": "123456789012",
            "time": moment,
            "region": "us-east-1",
            "resources": [],
            "detail": {
                "severity": "ERROR",
                "actionOnFailure": "CONTINUE",
                "stepId": step,
                "name": log.job,
                "clusterId": cluster,
                "state": "FAILED",
                "message": f"Step {step} ({log.job}) in Amazon EMR cluster {cluster} (curated) failed.",
            },
        },
        "step": _step(log, cluster, step, started, moment),
        "cluster": {
            "Id": cluster,
            "Name": "curated",
            "ReleaseLabel": "emr-7.3.0",
            "LogUri": "s3n://acme-emr-logs/",
            "Applications": [{"Name": "Spark", "Version": "3.5.7"}, {"Name": "Hadoop", "Version": "3.3.4"}],
        },
    }
    signals = scene.filled(ended)
    return {**meta, "signals": signals} if signals else meta


def _step(log: Journal, cluster: str, step: str, started: str, ended: str) -> Mapping[str, Any]:
    return {
        "Id": step,
        "Name": log.job,
        "Config": {"Jar": "command-runner.jar", "Properties": {}, "Args": _arguments(log)},
        "ActionOnFailure": "CONTINUE",
        "Status": {
            "State": "FAILED",
            "StateChangeReason": {},
            "FailureDetails": {
                "Reason": "Unknown Error",
                "LogFile": f"s3://acme-emr-logs/{cluster}/steps/{step}/stderr.gz",
            },
            "Timeline": {"CreationDateTime": started, "StartDateTime": started, "EndDateTime": ended},
        },
        "AdditionalInfo": {"ResourceManagerApplicationIds": [log.application]},
    }


def _case(scene: Scene, log_root: Path, cluster: str, step: str) -> Case:
    label = {
        "failure_type",
        "accept",
        "safe_to_retry",
        "triage_label",
        "evidence",
        "difficulty",
        "version",
        "notes",
    }
    return Case.model_validate(
        {
            "description": scene.description,
            "vars": {
                "case_id": scene.id,
                "log_root": f"{scene.id}/logs",
                "cluster_id": cluster,
                "step_id": step,
            },
            "assert": [],
            "metadata": {
                **scene.model_dump(include=label),
                "category": scene.category,
                "canaries": scene.canaries,
                "origin": "synthetic",
                "cluster": f"triage-{scene.template}",
                "sha256": digest(log_root),
            },
            "options": {"disableVarExpansion": True},
        }
    )


def _verify(scene: Scene, log_root: Path) -> None:
    """Hold a label to its case: its lines stand there, and only a transient cause is safe."""
    told = [*read_context(log_root), *(line for lines in read_lines(log_root).values() for line in lines)]
    for text in (*scene.evidence, *scene.canaries):
        if not any(text in line for line in told):
            raise ScenarioError(f"{scene.id}: neither a log nor a signal holds {text!r}; correct the scene")
    if scene.safe_to_retry and FACTS[scene.failure_type].retry is not RetryRule.TRANSIENT:
        raise ScenarioError(f"{scene.id}: labelled safe to retry, but {scene.failure_type} is not transient")
