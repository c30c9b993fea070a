"""What a platform tells about a failure in, `Failure` and `JobContext` out; the seam of its sources.

A document holds `event` (the EventBridge event), `step` (DescribeStep's Step), `cluster` (DescribeCluster's
Cluster), `instance_groups`, `instance_fleets`, `instances` (those that ended) and `signals`, each optional.
`meta.json`, the EMR API (`emr`) and the REST API (`rest`) all go through here, so they tell alike. What is
missing or of another shape is left out, never an error: the logs are worth a diagnosis without it.
Source: Amazon EMR API reference; EventBridge event "EMR Step Status Change".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from diagnose.background import important_first
from diagnose.bound import MAX_NAME_CHARS, Bounds, sound
from diagnose.classification import effective
from diagnose.cluster import cluster_group, filled, iso, mapping, rows, time
from diagnose.deadline import Deadline
from diagnose.failure import Failure, JobContext, hive_conf, option_value, spark_conf


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """What a source told about a failure."""

    failure: Failure
    context: JobContext
    gaps: tuple[str, ...] = ()


class MetadataSource(Protocol):
    """Tells what surrounds a failure."""

    def fetch(self, failure: Failure, *, deadline: Deadline) -> Metadata:
        """Complete what an event says.

        Raises:
            MetadataError: the source can't tell, after its retries.
            DeadlineError: the time ran out.
        """
        ...


MAX_LEARNED_CHARS: Final = 2 << 20
"""More of a document than this is not searched for secrets; DescribeCluster answers stay far below."""


def read_metadata(text: str) -> tuple[Failure, JobContext, tuple[str, ...]]:
    """Read the text of a `meta.json`.

    Returns:
        The failure, the context, and the gaps: what was there but could not be read.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return Failure(), JobContext(), ("meta.json is not valid JSON and was not used",)
    told = read_document(mapping(document), text=text)
    return told.failure, told.context, told.gaps


def read_document(
    document: Mapping[str, Any], *, failure: Failure | None = None, text: str | None = None
) -> Metadata:
    """Read a document as parsed from JSON, times as ISO 8601.

    Args:
        document: see the module's docstring.
        failure: what an event has told already; its ids and name stay.
        text: the document as text, for redaction to learn from; written anew by default.
    """
    step, cluster = mapping(document.get("step")), mapping(document.get("cluster"))
    found = _failure(mapping(document.get("event")), step, cluster, failure or Failure())
    context, gaps = _context(document, step, cluster, found)
    whole = json.dumps(document, ensure_ascii=False, default=str) if text is None else text
    return Metadata(
        failure=found,
        context=replace(context, document=sound(whole[:MAX_LEARNED_CHARS])),
        gaps=gaps,
    )


def _failure(
    event: Mapping[str, Any], step: Mapping[str, Any], cluster: Mapping[str, Any], known: Failure
) -> Failure:
    detail = mapping(event.get("detail"))
    timeline = mapping(mapping(step.get("Status")).get("Timeline"))
    return Failure(
        platform=known.platform,
        cluster_id=known.cluster_id or _name(detail.get("clusterId")) or _name(cluster.get("Id")),
        step_id=known.step_id or _name(detail.get("stepId")) or _name(step.get("Id")),
        job_name=known.job_name or _name(detail.get("name")) or _name(step.get("Name")) or None,
        started_at=time(timeline.get("StartDateTime")) or known.started_at,
        failed_at=time(timeline.get("EndDateTime")) or known.failed_at or time(event.get("time")),
        region=known.region or _name(event.get("region")) or _region(cluster.get("ClusterArn")),
        applications=_applications(step) or known.applications,
    )


def _applications(step: Mapping[str, Any]) -> tuple[str, ...]:
    ids = mapping(step.get("AdditionalInfo")).get("ResourceManagerApplicationIds")
    told = ids[:_MAX_APPLICATIONS] if isinstance(ids, list) else ()
    return tuple(_name(i) for i in told if isinstance(i, str))


_MAX_APPLICATIONS: Final = 64
"""Of one step: each is a folder of containers to look through."""


def _name(value: object) -> str:
    return Bounds("").text(value, MAX_NAME_CHARS)


def _region(arn: object) -> str:
    """Read `arn:aws:elasticmapreduce:<region>:<account>:cluster/<id>`."""
    parts = _name(arn).split(":")
    return parts[3] if len(parts) > 3 else ""


def _context(
    document: Mapping[str, Any], step: Mapping[str, Any], cluster: Mapping[str, Any], failure: Failure
) -> tuple[JobContext, tuple[str, ...]]:
    groups = rows(document.get("instance_groups")) or rows(document.get("instance_fleets"))
    names = ("cluster", "log location", "spark", "yarn", "hive", "step", "signals")
    bounds = {name: Bounds(name) for name in names}
    args = bounds["step"].texts(mapping(step.get("Config")).get("Args"))
    places, logging, gaps = _logging(step, cluster, failure, bounds["log location"])
    settings = {
        "spark": _spark(effective("spark", cluster, groups), args),
        "yarn": effective("yarn", cluster, groups),
        "hive": {**effective("hive", cluster, groups), **hive_conf(args)},
    }
    small = {
        group: bounds[group].settings({name: values[name] for name in important_first(group, values)})
        for group, values in settings.items()
    }
    context = JobContext(
        cluster=cluster_group(
            cluster,
            groups,
            rows(document.get("instances")),
            since=failure.started_at,
            bounds=bounds["cluster"],
        ),
        log_location=places[0] if places else None,
        log_locations=places,
        logging=logging,
        spark=small["spark"],
        yarn=small["yarn"],
        hive=small["hive"],
        step=_step(step, args, failure, bounds["step"]),
        signals=bounds["signals"].plain(mapping(document.get("signals"))),
    )
    if document.get("signals") is not None and not isinstance(document["signals"], dict):
        gaps = (*gaps, "metadata, signals: not as agreed, ignored")
    return context, (*gaps, *(gap for bound in bounds.values() for gap in bound.gaps))


def _spark(defaults: Mapping[str, Any], args: list[str]) -> dict[str, Any]:
    """Lay the step's settings over the cluster's; with a file of its own Spark reads no spark-defaults."""
    return {**({} if option_value(args, "--properties-file") else defaults), **spark_conf(args)}


def _step(step: Mapping[str, Any], args: list[str], failure: Failure, bounds: Bounds) -> dict[str, Any]:
    config, status = mapping(step.get("Config")), mapping(step.get("Status"))
    timeline, details = mapping(status.get("Timeline")), mapping(status.get("FailureDetails"))
    told = {
        "name": step.get("Name") or "",
        "state": status.get("State"),
        "failure_details": {k: details[k] for k in ("Reason", "Message", "LogFile") if k in details},
        "state_change_reason": mapping(status.get("StateChangeReason")).get("Message") or "",
        "action_on_failure": step.get("ActionOnFailure"),
        "execution_role": step.get("ExecutionRoleArn"),
        "application_ids": list(failure.applications),
        "created": iso(timeline.get("CreationDateTime")),
        "started": iso(timeline.get("StartDateTime")),
        "ended": iso(timeline.get("EndDateTime")),
        "jar": config.get("Jar"),
        "main_class": config.get("MainClass"),
    }
    small = {name: bounds.plain(value) for name, value in told.items()}
    texts = {k: bounds.text(v) for k, v in mapping(small["failure_details"]).items()}
    always = {
        "name": bounds.text(small["name"]),
        "failure_details": texts,
        "state_change_reason": bounds.text(small["state_change_reason"]),
        "args": args,
    }
    properties = bounds.settings(mapping(config.get("Properties")))
    return {**filled(small), **always, **filled({"properties": properties})}


def _logging(
    step: Mapping[str, Any], cluster: Mapping[str, Any], failure: Failure, bounds: Bounds
) -> tuple[tuple[str, ...], dict[str, Any], tuple[str, ...]]:
    """Find where the logs are: the step's own place, its cluster's, and where EMR itself found the error.

    Source: Amazon EMR API reference, StepMonitoringConfiguration ("takes precedence over the cluster's
    logging configuration"; what it omits falls back), MonitoringConfiguration.
    """
    own = mapping(mapping(step.get("StepMonitoringConfiguration")).get("S3MonitoringConfiguration"))
    told = (
        ("step", step.get("LogUri")),
        ("step", own.get("LogUri")),
        ("cluster", cluster.get("LogUri")),
        ("failure details", _root(mapping(mapping(step.get("Status")).get("FailureDetails")), failure)),
    )
    places: dict[str, tuple[str, str]] = {}
    for source, told_place in told:
        place = bounds.text(told_place).strip()
        if place:
            places.setdefault(_same(place), (source, place))
    monitoring = mapping(cluster.get("MonitoringConfiguration"))
    policy = mapping(mapping(monitoring.get("S3LoggingConfiguration")).get("LogTypeUploadPolicy"))
    first = next(iter(places.values()), ("", ""))[0]
    keys = [cluster.get("LogEncryptionKmsKeyId")]
    if first == "step":
        keys = [step.get("EncryptionKeyArn"), own.get("EncryptionKeyArn"), *keys]
    cloudwatch = mapping(monitoring.get("CloudWatchLogConfiguration"))
    logging = {
        "from": first,
        "encryption_key": next((key for key in keys if key), None),
        "upload_policy": policy,
        "cloudwatch_log_group": cloudwatch.get("LogGroupName") if cloudwatch.get("Enabled") else None,
    }
    off = [kind for kind in _LOG_TYPES if policy.get(kind) == "disabled"]
    gaps = tuple(f"{kind} are not uploaded: the cluster's LogTypeUploadPolicy is disabled" for kind in off)
    return tuple(place for _, place in places.values()), bounds.plain(filled(logging)), gaps


_LOG_TYPES: Final = ("system-logs", "application-logs")


def _same(place: str) -> str:
    """Give the form in which two spellings of one place are equal."""
    scheme, _, rest = place.partition("://")
    return ("s3" if scheme in ("s3a", "s3n") else scheme) + "://" + rest.rstrip("/")


def _root(details: Mapping[str, Any], failure: Failure) -> str:
    """Give the place above the cluster's folder that holds the file which EMR names."""
    file = details.get("LogFile")
    if not isinstance(file, str) or not failure.cluster_id:
        return ""
    head, found, _ = file.partition(f"/{failure.cluster_id}/steps/")
    return head + "/" if found else ""
