"""Scenarios → harvested folders: one cluster at a time, started when the next scenario needs another one."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from evals.errors import PrerequisiteError, ScenarioError
from evals.lab.cluster.cluster import Cluster, ClusterError
from evals.lab.cluster.engine import Engine, find_engine
from evals.lab.harvest import harvest
from evals.lab.index import check_logs, folder_of
from evals.lab.scenario import Scenario
from evals.lab.stock import unmount
from evals.lab.submission import Place, check, environment, submit, verify, write_defaults

TRIES: Final = 5
"""Of a scenario that leaves something to chance: a full heap may kill a process before it says so."""


class Laboratory:
    """Runs scenarios one after the other; keeps engines and the cluster between them."""

    def __init__(self, engines: Path, *, jars: Path | None = None) -> None:
        """Take the folder of the engines, and a folder of jars to use instead of theirs."""
        self._engines, self._jars = engines, jars
        self._stack = contextlib.ExitStack()
        self._root = Path()
        self._cluster: Cluster | None = None
        self._number = 0

    def __enter__(self) -> "Laboratory":
        """Make the folder everything happens in."""
        name = self._stack.enter_context(
            tempfile.TemporaryDirectory(prefix="evals-lab-", ignore_cleanup_errors=True)
        )
        self._root = Path(name)
        self._root.chmod(0o755)  # for the user without rights
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the cluster and remove the folder."""
        self._stop()
        self._stack.close()

    def run(self, scenario: Scenario, output: Path) -> Path:
        """Run one scenario, check that it ended as designed, and harvest it.

        Args:
            scenario: What to run.
            output: The dataset of the cases; healthy runs go to the one beside it.

        Returns:
            The case's folder.

        Raises:
            PrerequisiteError: Something it needs is missing.
            ScenarioError: It ended otherwise, or its label does not hold in its logs.
            ClusterError: The cluster did not start or refused something.
        """
        cluster = scenario.place == "yarn"
        engine = find_engine(scenario.engine, self._engines, cluster=cluster, jars=self._jars)
        check(scenario, engine)
        with self._place(scenario, engine) as place:
            submission = submit(scenario, place)
            folder = harvest(scenario, submission, place, self._root / "harvest")
            try:
                verify(scenario, submission)
                check_logs(scenario, folder)
            except ScenarioError as error:
                kept = move(folder, self._engines / "wrong")
                raise ScenarioError(f"{error}; its logs stand in {kept}") from error
        return move(folder, folder_of(scenario, output))

    @contextlib.contextmanager
    def _place(self, scenario: Scenario, engine: Engine) -> Iterator[Place]:
        self._number += 1
        root = self._root / f"job-{self._number}"
        place = Place(home=root / "home", tmp=root / "tmp", cache=engine.root / "cache", engine=engine)
        for folder in (place.home, place.tmp, place.cache):
            folder.mkdir(parents=True, exist_ok=True)
        if scenario.place == "local":
            yield place
            return
        cluster = self._fitting(scenario, place)
        try:
            yield Place(home=place.home, tmp=place.tmp, cache=place.cache, engine=engine, cluster=cluster)
        except BaseException:
            cluster.spoiled = True  # whatever it was, the next job gets a fresh one
            raise
        finally:
            unmount(cluster)

    def _fitting(self, scenario: Scenario, place: Place) -> Cluster:
        running = self._cluster
        if running and (running.spoiled or (running.engine, running.nodes) != (place.engine, scenario.nodes)):
            self._stop()
        if self._cluster is None:
            folder = self._root / f"cluster-{self._number}"
            folder.mkdir()
            self._cluster = Cluster(
                place.engine, folder, nodes=scenario.nodes, environment=environment(None, place)
            )
            write_defaults(self._cluster)
        return self._cluster

    def _stop(self) -> None:
        if self._cluster:
            self._cluster.stop()
            self._cluster = None


def move(folder: Path, target: Path) -> Path:
    """Put a case folder into another one, in place of an earlier one."""
    moved = target / folder.name
    shutil.rmtree(moved, ignore_errors=True)
    target.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(folder, moved))


def run_all(
    laboratory: Laboratory, scenarios: Iterable[Scenario], output: Path, *, strict: bool
) -> Iterator[tuple[Scenario, Path]]:
    """Run scenarios in the order that needs the fewest clusters; give each that was run, with its folder.

    Args:
        laboratory: Where they are run.
        scenarios: What is run.
        output: The dataset of the cases.
        strict: Whether a missing prerequisite is an error; else that scenario is skipped and named.

    Raises:
        PrerequisiteError: Something is missing that a scenario needs, and `strict` holds.
        ScenarioError: Some ended otherwise than designed; raised at the end, when all others were run.
    """
    ordered = sorted(scenarios, key=lambda one: (one.place, one.engine, one.nodes, one.id))
    wrong = []
    for number, scenario in enumerate(ordered, start=1):
        place = f"[{number}/{len(ordered)}] {scenario.id}"
        try:
            folder = _run_until_designed(laboratory, scenario, output, place)
        except PrerequisiteError as error:
            if strict:
                raise
            sys.stderr.write(f"evals.lab: skipped: {error}\n")
            continue
        except (ScenarioError, ClusterError) as error:
            sys.stderr.write(f"{place}: NOT AS DESIGNED: {error}\n")
            wrong.append(scenario.id)
            continue
        size = sum(path.stat().st_size for path in (folder / "logs").rglob("*.gz"))
        sys.stderr.write(f"{place}: {size / 1024:.0f} KB\n")
        yield scenario, folder
    if wrong:
        raise ScenarioError(f"not as designed: {', '.join(wrong)}; the reasons stand above")


def _run_until_designed(laboratory: Laboratory, scenario: Scenario, output: Path, place: str) -> Path:
    """Run a scenario; one in which chance decides who meets the end first is given more tries."""
    for number in range(1, TRIES if scenario.chance else 1):
        try:
            return laboratory.run(scenario, output)
        except (ScenarioError, ClusterError) as error:
            sys.stderr.write(f"{place}: try {number} of {TRIES}: {error}\n")
    return laboratory.run(scenario, output)
