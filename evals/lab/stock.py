"""What stands there before a job starts: program, files, archives from text, HDFS, a small disk."""

import os
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from evals.errors import ScenarioError
from evals.lab.cluster.cluster import Cluster
from evals.lab.cluster.engine import Engine, find_compiler
from evals.lab.scenario import Archive, Hdfs, Scenario

_PREPARE_SECONDS: Final = 120
_SHOWN_CHARS: Final = 400
_ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
}
"""Nothing of ours: what a program prepares ends in the dataset."""
_EPOCH: Final = (2026, 1, 1, 0, 0, 0)
"""A zip's entries carry a time; a fixed one makes the same text the same bytes."""


def stock(scenario: Scenario, engine: Engine, cluster: Cluster | None, values: Mapping[str, str]) -> None:
    """Make everything the scenario asks for, in the order: files, archives, prepared files, HDFS, disk.

    Raises:
        ScenarioError: Something of it can't be made.
        ClusterError: The cluster refuses a folder.
    """
    tmp, job = Path(values["tmp"]), Path(values["job"])
    for file in scenario.file:
        path = tmp / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(scenario.fill(file.text, values), encoding="utf-8")
        path.chmod(file.mode)
    job.parent.mkdir(parents=True, exist_ok=True)
    if scenario.source:
        job.write_text(scenario.fill(scenario.source, values), encoding="utf-8")
    built: list[Path] = []
    for archive in scenario.archive:
        built.append(_build(scenario, archive, engine, values, built))
    if scenario.prepare:
        _prepare(scenario, engine, tmp, values)
    if cluster is not None:
        cluster.run("reset")
        for entry in scenario.hdfs:
            _put(scenario, entry, cluster, tmp, values)
        if scenario.disk_mb:
            _mount(scenario, cluster, scenario.disk_mb)


def unmount(cluster: Cluster) -> None:
    """Take small disks away again."""
    for node in cluster.node_folders("local"):
        for folder in node.glob("usercache/*/appcache"):
            if folder.is_mount():
                _call(["umount", "--lazy", str(folder)], "umount")


def _build(
    scenario: Scenario, archive: Archive, engine: Engine, values: Mapping[str, str], earlier: list[Path]
) -> Path:
    folder = Path(values["home"]) / "lib"
    work = folder / f"{archive.path}.d"
    sources = []
    for name, text in archive.files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(scenario.fill(text, values), encoding="utf-8")
        sources += [str(path)] if path.suffix == ".java" else []
    if sources:
        path_of_classes = os.pathsep.join([f"{engine.spark}/jars/*", *map(str, earlier)])
        compiler = str(find_compiler(engine, scenario.id))
        _call(
            [compiler, "-nowarn", "-cp", path_of_classes, "-d", str(work), *sources], f"{scenario.id}: javac"
        )
    target = folder / archive.path
    with zipfile.ZipFile(target, "w") as packed:
        for path in sorted(work.rglob("*")):
            if path.is_file() and path.suffix != ".java":
                packed.writestr(zipfile.ZipInfo(path.relative_to(work).as_posix(), _EPOCH), path.read_bytes())
    return target


def _prepare(scenario: Scenario, engine: Engine, tmp: Path, values: Mapping[str, str]) -> None:
    program = scenario.fill(scenario.prepare, values)
    _call([str(engine.python), "-c", program], f"{scenario.id}: prepare", cwd=tmp)


def _put(scenario: Scenario, entry: Hdfs, cluster: Cluster, tmp: Path, values: Mapping[str, str]) -> None:
    if entry.text is None and entry.source is None:
        cluster.run("mkdir", entry.path, entry.owner, entry.mode)
    else:
        source = tmp.parent / "put"
        if entry.source is not None:
            source = Path(scenario.fill(entry.source, values))
        else:
            source.write_text(scenario.fill(entry.text or "", values), encoding="utf-8")
        cluster.run("put", entry.path, entry.owner, entry.mode, str(source))
    if entry.quota_files is not None or entry.quota_bytes is not None:
        limits = ["-" if limit is None else str(limit) for limit in (entry.quota_files, entry.quota_bytes)]
        cluster.run("quota", entry.path, *limits)


def _mount(scenario: Scenario, cluster: Cluster, size_mb: int) -> None:
    """Put a small disk under the containers' scratch folders; on YARN `spark.local.dir` is ignored."""
    for node in cluster.node_folders("local"):
        folder = node / "usercache" / scenario.user / "appcache"
        folder.mkdir(parents=True, exist_ok=True)
        _call(
            ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)], f"{scenario.id}: mount"
        )


def _call(command: list[str], name: str, cwd: Path | None = None) -> None:
    done = subprocess.run(  # noqa: S603 (our own programs, no shell)
        command,
        cwd=cwd,
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=_PREPARE_SECONDS,
        check=False,
    )
    if done.returncode:
        said = (done.stderr + done.stdout).strip()[-_SHOWN_CHARS:]
        raise ScenarioError(f"{name} failed: {said}; correct the scenario")
