"""A finished run → EMR's own record of it: `meta.json` (event, step, cluster, instance groups) and the controller's log.

Shapes as the EMR API gives them: EventBridge `EMR Step Status Change`, DescribeStep, DescribeCluster,
ListInstanceGroups. Pure but for the controller's lines, which go to the run's own stream.
"""

import json
from datetime import datetime
from typing import Any

from evals.synthesis.ground import Ground


def arguments(ground: Ground) -> list[str]:
    """The step's arguments: spark-submit with what the run was given, or the template's own command."""
    if ground.facts.command is not None:
        return list(ground.facts.command)
    names = ground.names
    target = (
        [f"s3://{names.bucket}/code/{names.script}"]
        if ground.language == "python"
        else ["--class", names.main_class, f"s3://{names.bucket}/code/{names.job}.jar"]
    )
    return [
        "spark-submit", "--master", "yarn", "--deploy-mode", ground.mode, "--name", names.job,
        "--conf", f"spark.executor.memory={ground.executor_mb}m", "--conf", f"spark.executor.cores={ground.cores}",
        "--conf", f"spark.driver.memory={ground.driver_mb}m", *ground.facts.extra_args, *target,
        *ground.facts.job_args,
    ]  # fmt: skip


def write_controller(ground: Ground) -> None:
    """Write the step's controller log, and make the step's other files exist."""
    for name in ("stderr", "stdout", "syslog"):
        ground.step_file(name)
    clock, facts = ground.clock, ground.facts
    seconds = int((clock.now - clock.start).total_seconds()) + 2
    ident, folder = ground.step_id.removeprefix("s-"), f"/mnt/var/log/hadoop/steps/{ground.step_id}"
    command = "hadoop jar /var/lib/aws/emr/step-runner/hadoop-jars/command-runner.jar " + " ".join(
        arguments(ground)
    )
    verb = "succeeded" if facts.exit_code == 0 else "failed"
    ground.step_file("controller").raw(
        f"{_zulu(clock.start)} INFO Ensure step {ident} jar file command-runner.jar\n"
        f"{_zulu(clock.start)} INFO StepRunner: Created Runner for step {ident}\n"
        f"INFO startExec '{command}'\n"
        "INFO Environment:\n"
        "  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin\n"
        f"  EMR_STEP_ID={ground.step_id}\n"
        "  HADOOP_USER_NAME=hadoop\n"
        f"INFO redirectOutput to {folder}/stdout\n"
        f"INFO redirectError to {folder}/stderr\n"
        f"INFO Working dir /mnt/var/lib/hadoop/steps/{ground.step_id}\n"
        f"INFO ProcessRunner started child process {ground.luck.randrange(4000, 30000)}\n"
        f"{_zulu(clock.start)} INFO HadoopJarStepRunner.Runner: startRun() called for {ground.step_id}\n"
        "INFO Synchronously wait child process to complete : hadoop jar /var/lib/aws/emr/step-runner/hadoop-...\n"
        f"INFO waitProcessCompletion ended with exit code {facts.exit_code} : hadoop jar /var/lib/aws/emr/step-runner/hadoop-...\n"
        f"INFO total process run time: {seconds} seconds\n"
        f"{_zulu(clock.now)} WARN Step {verb} with exitCode {facts.exit_code} and took {seconds} seconds"
    )


def meta(ground: Ground) -> str:
    """The text of `meta.json`."""
    return json.dumps(
        {
            "event": _event(ground),
            "step": _step(ground),
            "cluster": _cluster(ground),
            "instance_groups": _groups(ground),
        },
        indent=1,
    )


def _event(ground: Ground) -> dict[str, Any]:
    ended = ground.clock.now
    step, cluster, name = ground.step_id, ground.cluster_id, ground.names.job
    return {
        "version": "0", "id": ground.uuid(), "detail-type": "EMR Step Status Change", "source": "aws.emr",
        "account": ground.names.account, "time": f"{ended:%Y-%m-%dT%H:%M:%SZ}", "region": ground.names.region,
        "resources": [],
        "detail": {
            "severity": "ERROR", "actionOnFailure": "CONTINUE", "stepId": step, "name": name, "clusterId": cluster,
            "state": ground.facts.state,
            "message": f"Step {step} ({name}) in Amazon EMR cluster {cluster} ({ground.names.owner}-batch) failed at "
            f"{ended:%Y-%m-%d %H:%M} UTC.",
        },
    }  # fmt: skip


def _step(ground: Ground) -> dict[str, Any]:
    facts, clock = ground.facts, ground.clock
    log = f"s3://{ground.names.owner}-emr-logs/{ground.cluster_id}/steps/{ground.step_id}/stderr.gz"
    details = {"Reason": facts.reason, "Message": facts.message, "LogFile": log}
    return {
        "Id": ground.step_id,
        "Name": ground.names.job,
        "Config": {"Jar": "command-runner.jar", "Properties": {}, "Args": arguments(ground)},
        "ActionOnFailure": "CONTINUE",
        "Status": {
            "State": facts.state,
            "StateChangeReason": {},
            "FailureDetails": {key: value for key, value in details.items() if value is not None},
            "Timeline": {
                "CreationDateTime": f"{clock.start:%Y-%m-%dT%H:%M:%SZ}",
                "StartDateTime": f"{clock.start:%Y-%m-%dT%H:%M:%SZ}",
                "EndDateTime": f"{clock.now:%Y-%m-%dT%H:%M:%SZ}",
            },
        },
        "AdditionalInfo": {"ResourceManagerApplicationIds": list(facts.applications)},
    }


def _cluster(ground: Ground) -> dict[str, Any]:
    return {
        "Id": ground.cluster_id,
        "Name": f"{ground.names.owner}-batch",
        "ReleaseLabel": ground.release.label,
        "LogUri": f"s3n://{ground.names.owner}-emr-logs/",
        "Applications": [
            {"Name": "Spark", "Version": ground.release.spark.split("-")[0]},
            {"Name": "Hadoop", "Version": ground.release.hadoop.split("-")[0]},
            {"Name": "Hive", "Version": "3.1.3"},
        ],
        "Configurations": [
            {
                "Classification": "yarn-site",
                "Properties": {
                    "yarn.nodemanager.resource.memory-mb": str(ground.node_mb),
                    "yarn.scheduler.maximum-allocation-mb": str(ground.node_mb),
                },
            },
        ],
    }


def _groups(ground: Ground) -> list[dict[str, Any]]:
    shared = {"InstanceType": ground.instance_type, "Market": ground.market, "Status": {"State": "RUNNING"}}
    return [
        {
            "Id": "ig-" + ground.token(13).upper(),
            "InstanceGroupType": kind,
            "RequestedInstanceCount": count,
            **shared,
        }
        for kind, count in (("MASTER", 1), ("CORE", len(ground.workers)))
    ]


def _zulu(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
