"""A finished submission → a case folder in EMR's layout: logs/<cluster>/…/*.gz and meta.json.

Edited is only what an EMR node would name differently (`evals.lab.rename`). Compression is deterministic.
`provenance.json` beside them says what ran, with which versions, when; it is no part of the case's checksum.
"""

import gzip
import json
import shutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from evals.dataset import META_FILE
from evals.errors import ScenarioError
from evals.lab.index import PROVENANCE_FILE
from evals.lab.record import Step, controller, instance, meta
from evals.lab.rename import NAME_HOST, NODE_HOST, Names
from evals.lab.scenario import Scenario
from evals.lab.submission import Place, Submission

MAX_CASE_BYTES: Final = 60 * 1024
"""Compressed; keeps the repository small."""

_CONTAINER_FILES: Final = ("prelaunch.err", "prelaunch.out", "stderr", "stdout")


def harvest(scenario: Scenario, submission: Submission, place: Place, output: Path) -> Path:
    """Write the case folder `output/<id>`, replacing an earlier one, and return it.

    Raises:
        ScenarioError: The folder would be too large, or still names this machine.
    """
    names = _names(scenario, submission, place)
    step = _step(scenario, submission, place, names)
    texts = dict(_texts(scenario, submission, place, names, step))
    names.check(scenario.id, texts.values())
    packed = {
        path: gzip.compress(text.encode(errors="surrogateescape"), mtime=0) for path, text in texts.items()
    }
    size = sum(map(len, packed.values()))
    if size > MAX_CASE_BYTES:
        raise ScenarioError(
            f"{scenario.id}: {size} bytes of logs, above {MAX_CASE_BYTES}; make the job say less"
        )
    folder = output / scenario.id
    shutil.rmtree(folder, ignore_errors=True)
    for path, data in packed.items():
        target = folder / "logs" / step.cluster_id / f"{path}.gz"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (folder / META_FILE).write_text(json.dumps(meta(step), indent=1) + "\n", encoding="utf-8")
    _write_provenance(scenario, submission, place, folder / PROVENANCE_FILE)
    return folder


def _names(scenario: Scenario, submission: Submission, place: Place) -> Names:
    folders = {place.home: "/home/hadoop", place.tmp: "/mnt/tmp", place.cache: "/home/hadoop"}
    first = int(submission.applications[0].id.rpartition("_")[2]) if submission.applications else 1
    return Names(
        scenario.id, place.engine, folders, cluster=place.cluster, services=submission.services, first=first
    )


def _step(scenario: Scenario, submission: Submission, place: Place, names: Names) -> Step:
    release = place.engine.release
    return Step(
        scenario_id=scenario.id,
        name=scenario.job_name,
        arguments=tuple(names.text(argument, user=scenario.user) for argument in submission.arguments),
        user=scenario.user,
        exit_code=submission.exit_code,
        started=submission.started,
        ended=submission.ended,
        applications=[names.path(one.id) for one in submission.applications],
        release=release.label,
        spark=release.spark,
        hadoop=release.hadoop,
    )


def _texts(
    scenario: Scenario, submission: Submission, place: Place, names: Names, step: Step
) -> Iterator[tuple[str, str]]:
    """Give path below the cluster's folder → text, without what is not delivered."""
    for path, raw in _files(submission, place, step):
        if any(fnmatchcase(names.path(path), pattern) for pattern in scenario.undelivered):
            continue
        user = scenario.user if path.startswith("steps/") else "yarn"
        text = raw if isinstance(raw, str) else raw.decode(errors="surrogateescape")
        yield names.path(path), names.text(text, user=user)


def _files(submission: Submission, place: Place, step: Step) -> Iterator[tuple[str, bytes | str]]:
    base = f"steps/{step.id}"
    yield f"{base}/controller", controller(step)
    yield f"{base}/stderr", submission.stderr
    yield f"{base}/stdout", submission.stdout
    yield f"{base}/syslog", b""
    for application in submission.applications if place.cluster else ():
        for folder in place.cluster.containers(application.id) if place.cluster else ():
            for name in _CONTAINER_FILES:
                data = (folder / name).read_bytes() if (folder / name).is_file() else b""
                if data:
                    yield f"containers/{application.id}/{folder.name}/{name}", data
    for daemon, data in submission.daemons.items():
        host, role = (NAME_HOST, "primary") if daemon == "resourcemanager" else (NODE_HOST, "core")
        place_of = f"node/{instance(step.scenario_id, role)}/applications/hadoop-yarn"
        # Without an application they hold only what is left of the job before.
        if data and submission.applications:
            yield f"{place_of}/hadoop-yarn-{daemon}-{host}.log", data


def _write_provenance(scenario: Scenario, submission: Submission, place: Place, path: Path) -> None:
    release = place.engine.release
    row = {
        "command": f"python -m evals.lab run --scenario {scenario.id}",
        "date": f"{submission.started:%Y-%m-%d}",
        "engine": scenario.engine,
        "hadoop": release.hadoop,
        "java": "17",
        "part": scenario.part.value,
        "place": scenario.place,
        "python": place.engine.spark.parent.parent.name,
        "scenario_sha256": scenario.fingerprint,
        "spark": release.spark,
    }
    path.write_text(json.dumps(row, indent=1, sort_keys=True) + "\n", encoding="utf-8")
