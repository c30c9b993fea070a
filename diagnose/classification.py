"""EMR's `Configurations` in, the settings that a job meets out.

Source: Amazon EMR release guide, "Configure applications" (classifications) and "Reconfigure an instance
group": what a group or fleet sets goes before what the cluster sets.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

FILES: Final = {
    "spark": ("spark", "spark-defaults"),
    "yarn": ("capacity-scheduler", "yarn-site"),
    "hive": ("hive-site",),
}
"""Which classifications make up a group, the strongest last; `spark` holds `maximizeResourceAllocation`."""

_NODES: Final = ("MASTER", "CORE", "TASK")
_SUBMITTING: Final = ("CORE", "TASK", "MASTER")
"""spark-submit and hive run on the primary node and read their files there; containers run elsewhere."""


def effective(
    group: str, cluster: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Merge one group's settings.

    Args:
        group: `spark`, `yarn` or `hive`.
        cluster: DescribeCluster's Cluster.
        groups: ListInstanceGroups' or ListInstanceFleets' rows.
    """
    settings = dict(_properties(cluster.get("Configurations"), FILES[group]))
    for role in _NODES if group == "yarn" else _SUBMITTING:
        for row in groups:
            if role_of(row) == role:
                settings.update(_of_row(row, FILES[group]))
    return settings


def differing(groups: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Name the settings that not all roles share: `{"yarn.x": {"CORE": "1", "TASK": "2"}}`."""
    told: dict[str, dict[str, Any]] = {}
    for row in groups:
        for files in FILES.values():
            for name, value in _of_row(row, files).items():
                told.setdefault(name, {})[role_of(row)] = value
    return {name: roles for name, roles in told.items() if len({str(value) for value in roles.values()}) > 1}


def role_of(row: Mapping[str, Any]) -> str:
    """Tell the role of an instance group or fleet: MASTER, CORE or TASK; "" when nobody says."""
    role = row.get("InstanceGroupType") or row.get("InstanceFleetType")
    return role if isinstance(role, str) else ""


def _of_row(row: Mapping[str, Any], files: Sequence[str]) -> dict[str, Any]:
    """Give a group's own settings, or those of all instance types of a fleet."""
    found = dict(_properties(_applied(row), files))
    specifications = row.get("InstanceTypeSpecifications")
    for specification in specifications if isinstance(specifications, list) else ():
        if isinstance(specification, dict):
            found.update(_properties(specification.get("Configurations"), files))
    return found


def _applied(row: Mapping[str, Any]) -> object:
    """Give the configurations in force: after a reconfiguration that failed, those of before."""
    wanted = row.get("ConfigurationsVersion")
    applied = row.get("LastSuccessfullyAppliedConfigurationsVersion")
    if wanted and applied and wanted != applied:
        return row.get("LastSuccessfullyAppliedConfigurations")
    return row.get("Configurations")


def _properties(configurations: object, files: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Give name and value of every property of some files, in the order in which they are set."""
    entries = configurations if isinstance(configurations, list) else ()
    rows = [entry for entry in entries if isinstance(entry, dict)]
    for file in files:
        for row in rows:
            properties = row.get("Properties")
            if row.get("Classification") == file and isinstance(properties, dict):
                yield from ((str(name), value) for name, value in properties.items())
