"""Damages take away what they say, and only that."""

import gzip
import random

import pytest

from evals.synthesis.check import inflate
from evals.synthesis.damage import DAMAGES, driver_name, pack
from evals.synthesis.ground import Ground, Mode
from evals.synthesis.meta import write_controller
from evals.synthesis.scene import Scene

BY_NAME = {damage.name: damage for damage in DAMAGES}


@pytest.fixture(params=["cluster", "client"])
def run(request: pytest.FixtureRequest) -> tuple[Ground, dict[str, bytes]]:
    mode: Mode = request.param
    scene = Scene(Ground("damage", mode=mode))
    scene.start()
    scene.healthy_stage()
    scene.exit(2)
    write_controller(scene.ground)
    files = {f"{path}.gz": pack(stream.text) for path, stream in scene.ground.streams.items()}
    return scene.ground, files


def applied(name: str, run: tuple[Ground, dict[str, bytes]]) -> dict[str, bytes]:
    ground, files = run
    return BY_NAME[name].apply(ground, dict(files), random.Random(3))


def test_a_cut_archive_has_no_end_and_a_readable_beginning(run: tuple[Ground, dict[str, bytes]]) -> None:
    name = driver_name(run[0])
    data = applied("cut-archive", run)[name]
    with pytest.raises(EOFError):
        gzip.decompress(data)
    whole = gzip.decompress(run[1][name]).decode()
    assert 0.7 * len(whole) < len(inflate(data)) < len(whole)
    assert whole.startswith(inflate(data))


def test_a_cut_line_ends_within_a_line(run: tuple[Ground, dict[str, bytes]]) -> None:
    name = driver_name(run[0])
    left = gzip.decompress(applied("cut-line", run)[name]).decode()
    whole = gzip.decompress(run[1][name]).decode()
    assert whole.startswith(left)
    assert not left.endswith("\n")
    assert whole[len(left)] != "\n"


def test_without_the_driver_its_file_is_gone(run: tuple[Ground, dict[str, bytes]]) -> None:
    assert driver_name(run[0]) not in applied("no-driver", run)


def test_without_containers_only_the_step_stays(run: tuple[Ground, dict[str, bytes]]) -> None:
    assert {path.split("/")[0] for path in applied("no-containers", run)} == {"steps"}


def test_without_executors_only_the_master_stays(run: tuple[Ground, dict[str, bytes]]) -> None:
    left = {path.split("/")[2] for path in applied("no-executors", run) if path.startswith("containers/")}
    assert left == {run[0].container(1)}


@pytest.mark.parametrize("name", ["no-daemons", "small-gaps"])
def test_harmless_gaps_keep_the_driver(name: str, run: tuple[Ground, dict[str, bytes]]) -> None:
    left = applied(name, run)
    assert BY_NAME[name].driver_whole
    assert left[driver_name(run[0])] == run[1][driver_name(run[0])]
    assert len(left) < len(run[1])


@pytest.mark.parametrize("name", ["odd-bytes", "long-line"])
def test_odd_text_stands_before_what_the_driver_printed(
    name: str, run: tuple[Ground, dict[str, bytes]]
) -> None:
    left = applied(name, run)
    changed = [path for path in left if left[path] != run[1][path]]
    assert [path.rsplit("/", 1)[1] for path in changed] == ["stdout.gz"]
    assert gzip.decompress(left[changed[0]]).endswith(gzip.decompress(run[1][changed[0]]))
    assert len(gzip.decompress(left[changed[0]])) > 50
