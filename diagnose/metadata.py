"""A case's `meta.json` in, `Failure` and `JobContext` out.

`meta.json` holds `event` (the EventBridge event), `step` (DescribeStep's Step) and `cluster`
(DescribeCluster's Cluster), each optional. What is missing or of another shape is left out, never an
error: the logs are worth a diagnosis without it.
Source: Amazon EMR API reference, Step and Cluster; EventBridge event "EMR Step Status Change".
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from diagnose.failure import Failure, JobContext, spark_conf


def read_metadata(text: str) -> tuple[Failure, JobContext, tuple[str, ...]]:
    """Read the text of a `meta.json`.

    Returns:
        The failure, the context, and the gaps: what was there but could not be read.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return Failure(), JobContext(), ("meta.json is not valid JSON and was not used",)
    meta = _mapping(document)
    event, step, cluster = (_mapping(meta.get(name)) for name in ("event", "step", "cluster"))
    context = replace(_context(step, cluster), document=_sound(text[:MAX_LEARNED_CHARS]))
    return _failure(event, step, cluster), context, ()


MAX_LEARNED_CHARS: Final = 256 * 1024
"""More of a meta.json than this is not searched for secrets; DescribeCluster answers stay far below."""


def _failure(event: Mapping[str, Any], step: Mapping[str, Any], cluster: Mapping[str, Any]) -> Failure:
    detail = _mapping(event.get("detail"))
    timeline = _mapping(_mapping(step.get("Status")).get("Timeline"))
    ids = _mapping(step.get("AdditionalInfo")).get("ResourceManagerApplicationIds")
    return Failure(
        cluster_id=_text(detail.get("clusterId")) or _text(cluster.get("Id")),
        step_id=_text(detail.get("stepId")) or _text(step.get("Id")),
        job_name=_text(detail.get("name")) or _text(step.get("Name")) or None,
        failed_at=_time(timeline.get("EndDateTime")) or _time(event.get("time")),
        applications=tuple(i for i in ids if isinstance(i, str)) if isinstance(ids, list) else (),
    )


def _context(step: Mapping[str, Any], cluster: Mapping[str, Any]) -> JobContext:
    config, status = _mapping(step.get("Config")), _mapping(step.get("Status"))
    told = config.get("Args")
    args = [
        _sound(str(arg))
        for arg in (told if isinstance(told, list) else ())
        if isinstance(arg, str | int | float)
    ]
    defaults = {
        name: _classification(cluster.get("Configurations"), name)
        for name in ("spark-defaults", "yarn-site", "hive-site")
    }
    return JobContext(
        cluster={k: cluster[k] for k in ("Id", "Name", "ReleaseLabel", "Applications") if k in cluster},
        log_location=_text(cluster.get("LogUri")) or None,
        spark={**defaults["spark-defaults"], **spark_conf(args)},
        yarn=defaults["yarn-site"],
        hive=defaults["hive-site"],
        step={
            "name": _text(step.get("Name")),
            "args": args,
            "failure_details": {k: _text(v) for k, v in _mapping(status.get("FailureDetails")).items()},
            "state_change_reason": _text(_mapping(status.get("StateChangeReason")).get("Message")),
        },
    )


def _classification(configurations: object, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in configurations if isinstance(configurations, list) else ():
        row = _mapping(entry)
        if row.get("Classification") == name:
            found.update({_sound(str(k)): _sound(str(v)) for k, v in _mapping(row.get("Properties")).items()})
    return found


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return _sound(value) if isinstance(value, str) else ""


def _sound(text: str) -> str:
    """Replace lone surrogates, which no encoder takes."""
    return text.encode("utf-8", errors="replace").decode()


def _time(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
