"""The reply of a REST metadata API, as pydantic models and as a JSON schema.

The reply speaks the EMR API's own words, so that an API may pass on what it has stored, and what is merged
(defaults, groups, the step's own settings) is merged here alone, alike for both sources. Only `step` and
`cluster` are required, each with its id.
Source: Amazon EMR API reference, Step, Cluster, InstanceGroup, InstanceFleet, Instance.
"""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_pascal

Role = Literal["MASTER", "CORE", "TASK"]
Market = Literal["ON_DEMAND", "SPOT"]
Id = Annotated[str, Field(min_length=1, max_length=256)]


class _Told(BaseModel):
    """What someone else's API says, under EMR's names.

    Unknown fields are ignored: EMR adds fields without a new version, and the API that passes them on is not
    ours to stop. What we read is checked all the same.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_pascal)


class Reason(_Told):
    """Why a state changed."""

    code: str | None = None
    message: str | None = None


class Timeline(_Told):
    """When something was made, began and ended."""

    creation_date_time: AwareDatetime | None = None
    start_date_time: AwareDatetime | None = None
    end_date_time: AwareDatetime | None = None


class FailureDetails(_Told):
    """What EMR itself found out about a failed step."""

    reason: str | None = None
    message: str | None = None
    log_file: str | None = None


class ErrorDetail(_Told):
    """One error of a cluster."""

    error_code: str | None = None
    error_message: str | None = None
    error_data: list[dict[str, str]] | None = None


class Status(_Told):
    """State of a step, cluster, group, fleet or instance."""

    state: str | None = None
    state_change_reason: Reason | None = None
    failure_details: FailureDetails | None = None
    error_details: list[ErrorDetail] | None = None
    timeline: Timeline | None = None


class StepConfig(_Told):
    """What a step runs."""

    jar: str | None = None
    main_class: str | None = None
    args: list[str] | None = None
    properties: dict[str, str] | None = None


class S3Monitoring(_Told):
    """Where a step's logs go, where it has a place of its own."""

    log_uri: str | None = None
    encryption_key_arn: str | None = None


class StepMonitoring(_Told):
    """A step's own monitoring."""

    s3_monitoring_configuration: Annotated[S3Monitoring | None, Field(alias="S3MonitoringConfiguration")] = (
        None
    )


class AdditionalInfo(_Told):
    """What a step became in YARN."""

    resource_manager_application_ids: list[str] | None = None


class Step(_Told):
    """The failed step."""

    id: Id
    name: str | None = None
    config: StepConfig | None = None
    action_on_failure: str | None = None
    status: Status | None = None
    execution_role_arn: str | None = None
    log_uri: str | None = None
    encryption_key_arn: str | None = None
    step_monitoring_configuration: StepMonitoring | None = None
    additional_info: AdditionalInfo | None = None


class Application(_Told):
    """An application that a cluster runs."""

    name: str
    version: str | None = None


class Configuration(_Told):
    """The settings of one file, such as `spark-defaults`."""

    classification: str
    properties: dict[str, str] | None = None


class Ec2Attributes(_Told):
    """Where and as whom instances run."""

    ec2_availability_zone: str | None = None
    iam_instance_profile: str | None = None


class S3Logging(_Told):
    """Which kinds of logs reach S3."""

    log_type_upload_policy: dict[str, str] | None = None


class CloudWatchLogging(_Told):
    """Whether logs go to CloudWatch."""

    enabled: bool | None = None
    log_group_name: str | None = None


class Monitoring(_Told):
    """A cluster's monitoring."""

    s3_logging_configuration: Annotated[S3Logging | None, Field(alias="S3LoggingConfiguration")] = None
    cloud_watch_log_configuration: CloudWatchLogging | None = None


class Cluster(_Told):
    """The cluster that ran the step."""

    id: Id
    name: str | None = None
    cluster_arn: str | None = None
    status: Status | None = None
    ec2_instance_attributes: Ec2Attributes | None = None
    instance_collection_type: Literal["INSTANCE_GROUP", "INSTANCE_FLEET"] | None = None
    log_uri: str | None = None
    log_encryption_kms_key_id: str | None = None
    release_label: str | None = None
    os_release_label: Annotated[str | None, Field(alias="OSReleaseLabel")] = None
    auto_terminate: bool | None = None
    applications: list[Application] | None = None
    configurations: list[Configuration] | None = None
    step_concurrency_level: int | None = None
    scale_down_behavior: str | None = None
    service_role: str | None = None
    security_configuration: str | None = None
    custom_ami_id: str | None = None
    monitoring_configuration: Monitoring | None = None


class InstanceGroup(_Told):
    """Instances of one type and role."""

    instance_group_type: Role
    market: Market | None = None
    instance_type: str | None = None
    requested_instance_count: int | None = None
    running_instance_count: int | None = None
    status: Status | None = None
    configurations: list[Configuration] | None = None
    configurations_version: int | None = None
    last_successfully_applied_configurations: list[Configuration] | None = None
    last_successfully_applied_configurations_version: int | None = None


class InstanceTypeSpecification(_Told):
    """One instance type that a fleet may use."""

    instance_type: str | None = None
    weighted_capacity: int | None = None
    configurations: list[Configuration] | None = None


class InstanceFleet(_Told):
    """Instances of one role and several types."""

    instance_fleet_type: Role
    target_on_demand_capacity: int | None = None
    target_spot_capacity: int | None = None
    provisioned_on_demand_capacity: int | None = None
    provisioned_spot_capacity: int | None = None
    instance_type_specifications: list[InstanceTypeSpecification] | None = None
    status: Status | None = None


class Instance(_Told):
    """One instance."""

    id: str | None = None
    ec2_instance_id: str | None = None
    market: Market | None = None
    instance_type: str | None = None
    status: Status | None = None


class Signals(BaseModel):
    """What the job's surroundings know; nothing of it is in the EMR API.

    A group of another shape than described is ignored and named in the gaps: a diagnosis without signals is
    worth more than none. `survey` says what is read.
    """

    # Others than these may be told, too: they are shown to a model as they are.
    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, JsonValue]

    control_row: Annotated[
        JsonValue,
        Field(description="object: batch_id, source_path, target_table, attempt_count, status, staging_rows"),
    ] = None
    record_counts: Annotated[
        JsonValue, Field(description="object: counts by dataset or stage, and what was expected of them")
    ] = None
    quality_results: Annotated[
        JsonValue, Field(description="list of checks and their results: check, status or passed")
    ] = None
    table_snapshot: Annotated[
        JsonValue,
        Field(description="object: columns, incoming_columns or added_columns; file_count, total_bytes"),
    ] = None
    deployment: Annotated[JsonValue, Field(description="object: version, commit, time (ISO 8601)")] = None
    task_metrics: Annotated[
        JsonValue,
        Field(description="object, or one by stage: max_task_seconds, median_task_seconds, spill_bytes"),
    ] = None


class MetadataReply(BaseModel):
    """The answer to `GET {METADATA_API_URL}/clusters/{clusterId}/steps/{stepId}`."""

    # Unknown fields are ignored, as everywhere in the reply: an API may tell more to others than to us.
    model_config = ConfigDict(extra="ignore", frozen=True)

    step: Step
    cluster: Cluster
    instance_groups: list[InstanceGroup] | None = None
    instance_fleets: list[InstanceFleet] | None = None
    instances: Annotated[list[Instance] | None, Field(description="those that ended")] = None
    signals: Signals | JsonValue = None

    def document(self) -> dict[str, Any]:
        """Give the reply as plain JSON, without what is not told."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def reply_schema() -> dict[str, Any]:
    """Give the JSON schema of the reply, as committed in docs/metadata.schema.json."""
    return MetadataReply.model_json_schema(by_alias=True)
