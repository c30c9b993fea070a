"""The EMR API's answers about a cluster in, the context's `cluster` group out.

Every value is optional; what is not told is left out. Sizes are instances for instance groups and weighted
capacity for fleets (`unit`).
Source: Amazon EMR API reference, Cluster, InstanceGroup, InstanceFleet, Instance.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from diagnose.bound import Bounds
from diagnose.classification import differing, role_of

_MAX_ENDED: Final = 12
"""Reasons why instances ended; one reason stands for all instances that share it."""
_MAX_NAMED: Final = 5
"""Instances named per reason."""
_ENDED_BEFORE: Final = timedelta(hours=1)
"""An instance that ended longer before the step's start has nothing to do with it."""


def cluster_group(
    cluster: Mapping[str, Any],
    groups: Sequence[Mapping[str, Any]],
    instances: Sequence[Mapping[str, Any]],
    *,
    since: datetime | None,
    bounds: Bounds,
) -> dict[str, Any]:
    """Build the group.

    Args:
        cluster: DescribeCluster's Cluster.
        groups: ListInstanceGroups' or ListInstanceFleets' rows.
        instances: ListInstances' rows, those that ended.
        since: when the step began.
        bounds: cuts what is too much.
    """
    status, place = mapping(cluster.get("Status")), mapping(cluster.get("Ec2InstanceAttributes"))
    timeline = mapping(status.get("Timeline"))
    told = {
        "id": cluster.get("Id"),
        "name": cluster.get("Name"),
        "type": _type(cluster.get("AutoTerminate")),
        "instance_collection": cluster.get("InstanceCollectionType"),
        "release": cluster.get("ReleaseLabel"),
        "os_release": cluster.get("OSReleaseLabel"),
        "applications": _applications(cluster.get("Applications")),
        "state": status.get("State"),
        "state_change_reason": _reason(status),
        "errors": [_error(error) for error in rows(status.get("ErrorDetails"))],
        "created": iso(timeline.get("CreationDateTime")),
        "ended": iso(timeline.get("EndDateTime")),
        "instances": _instances(groups),
        "ended_instances": _ended(instances, since),
        "differing_settings": differing(groups),
        "step_concurrency": cluster.get("StepConcurrencyLevel"),
        "scale_down_behavior": cluster.get("ScaleDownBehavior"),
        "zone": place.get("Ec2AvailabilityZone"),
        "instance_profile": place.get("IamInstanceProfile"),
        "service_role": cluster.get("ServiceRole"),
        "security_configuration": cluster.get("SecurityConfiguration"),
        "custom_ami": cluster.get("CustomAmiId"),
    }
    small: dict[str, Any] = bounds.plain(filled(told))
    return small


def _type(auto_terminate: object) -> str | None:
    if not isinstance(auto_terminate, bool):
        return None
    return "transient" if auto_terminate else "long-lived"


def _applications(value: object) -> dict[str, Any]:
    return {str(row.get("Name")): row.get("Version") for row in rows(value) if row.get("Name")}


def _reason(status: Mapping[str, Any]) -> dict[str, Any]:
    reason = mapping(status.get("StateChangeReason"))
    return filled({"code": reason.get("Code"), "message": reason.get("Message")})


def _error(error: Mapping[str, Any]) -> dict[str, Any]:
    names = {"code": "ErrorCode", "message": "ErrorMessage", "data": "ErrorData"}
    return filled({ours: error.get(theirs) for ours, theirs in names.items()})


def _instances(groups: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """List what each role runs on, the roles in order."""
    found: dict[str, list[dict[str, Any]]] = {"MASTER": [], "CORE": [], "TASK": []}
    for group in groups:
        if role_of(group) in found:
            found[role_of(group)] += [filled(row) for row in _sizes(group)]
    return filled(found)


def _sizes(group: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    status = mapping(group.get("Status"))
    common = {"state": status.get("State"), "state_change_reason": _reason(status)}
    if "InstanceFleetType" not in group:
        yield {
            "types": [group.get("InstanceType")],
            "market": group.get("Market"),
            "requested": group.get("RequestedInstanceCount"),
            "running": group.get("RunningInstanceCount"),
            "unit": "instances",
            **common,
        }
        return
    types = rows(group.get("InstanceTypeSpecifications"))
    weights = [one.get("WeightedCapacity") or 1 for one in types]
    for market, name in (("ON_DEMAND", "OnDemand"), ("SPOT", "Spot")):
        requested, running = group.get(f"Target{name}Capacity"), group.get(f"Provisioned{name}Capacity")
        if requested or running:
            yield {
                "types": [one.get("InstanceType") for one in types],
                "weights": weights if any(weight != 1 for weight in weights) else None,
                "market": market,
                "requested": requested,
                "running": running,
                "unit": "capacity",
                **common,
            }


def _ended(instances: Iterable[Mapping[str, Any]], since: datetime | None) -> list[dict[str, Any]]:
    """Tell why instances ended, the latest reason first; one row stands for all of the same reason."""
    found: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for instance in instances:
        status = mapping(instance.get("Status"))
        end = iso(mapping(status.get("Timeline")).get("EndDateTime"))
        if status.get("State") != "TERMINATED" or _long_before(end, since):
            continue
        reason = _reason(status)
        facts = [reason.get(k) for k in ("code", "message")]
        facts += [instance.get(k) for k in ("Market", "InstanceType")]
        name = instance.get("Ec2InstanceId") or instance.get("Id") or ""
        found.setdefault(tuple(str(fact or "") for fact in facts), []).append((end, str(name)))
    latest = sorted(found.items(), key=lambda row: (max(row[1]), row[0]), reverse=True)
    return [_ended_row(facts, sorted(ends)) for facts, ends in latest[:_MAX_ENDED]]


def _ended_row(facts: tuple[str, ...], ends: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return filled(
        {
            **dict(zip(("code", "message", "market", "type"), facts, strict=True)),
            "count": len(ends),
            "first": ends[0][0],
            "last": ends[-1][0],
            "instances": [name for _, name in ends[-_MAX_NAMED:] if name],
        }
    )


def _long_before(end: str, since: datetime | None) -> bool:
    moment = time(end)
    return since is not None and moment is not None and since - moment > _ENDED_BEFORE


def mapping(value: object) -> Mapping[str, Any]:
    """Give a JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Mapping[str, Any]]:
    """Give the objects of a JSON list."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what is not told; 0 and false are told."""
    return {k: v for k, v in values.items() if v is not None and v not in ("", [], {})}


def time(value: object) -> datetime | None:
    """Read ISO 8601; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    try:
        return moment and (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
    except OverflowError:  # the year 1 or 9999, in another zone
        return None


def iso(value: object) -> str:
    """Give a time as `2026-11-22T07:45:24Z`; "" for what is none."""
    moment = value if isinstance(value, datetime) else time(value)
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else ""
    except OverflowError:  # the year 1 or 9999, in another zone
        return ""
