"""EMR's record of a run is read by the product as it stands."""

import json

from diagnose.metadata import read_metadata
from evals.synthesis.ground import Ground
from evals.synthesis.meta import arguments, meta, write_controller
from evals.synthesis.scene import Scene


def run() -> Scene:
    scene = Scene(Ground("meta", mode="cluster"))
    scene.facts.job_args.append("--day=2026-05-03")
    scene.start()
    scene.exit(4)
    write_controller(scene.ground)
    return scene


def test_the_product_reads_ids_times_and_applications() -> None:
    scene = run()
    failure, context, gaps = read_metadata(meta(scene.ground))
    assert (failure.cluster_id, failure.step_id) == (scene.ground.cluster_id, scene.ground.step_id)
    assert failure.job_name == scene.names.job
    assert failure.applications == (scene.application,)
    assert context.step["args"] == arguments(scene.ground)
    assert gaps == ()


def test_controller_and_record_tell_the_same_command_and_exit() -> None:
    scene = run()
    controller = scene.ground.step_file("controller").text
    assert " ".join(arguments(scene.ground)) in controller
    assert "ended with exit code 1 " in controller
    assert "Step failed with exitCode 1" in controller


def test_a_step_that_is_no_spark_submit_keeps_its_own_command() -> None:
    scene = Scene(Ground("hive"))
    scene.facts.command = ["hive-script", "--run-hive-script", "--args", "-f", "s3://acme-raw/code/load.q"]
    document = json.loads(meta(scene.ground))
    assert document["step"]["Config"]["Args"] == scene.facts.command
    assert document["step"]["AdditionalInfo"]["ResourceManagerApplicationIds"] == []
