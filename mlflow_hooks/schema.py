"""What hook.yml, MLproject and environment files may say: each key with its type and its choices, as pydantic models.

`reading/validation.py` makes findings of what does not fit. Editors complete hook.yml from the JSON schema of
`HookFile`, which is published as hook.schema.json: the descriptions here are what they show.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

# The newest release of which every part is on the package indexes (3.18.0 pins two that are not on all).
DEFAULT_MLFLOW = "3.17.2"
DEFAULT_TIMEOUT = timedelta(hours=2)
DEFAULT_ENVIRONMENT = "5"  # of serverless compute: the first that passes environment variables on, see rules/serverless
DEFAULT_POLL = timedelta(seconds=15)
LONGEST = timedelta(days=7)

_DURATION = re.compile(r"(?=\d)(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?")


class Engine(str, Enum):
    """What runs the project: mlflow.run in a hook notebook (default), or a job task that takes its code from git."""

    MLFLOW = "mlflow"
    JOBS_GIT = "jobs-git"


def parse_duration(text: str) -> timedelta:
    """The length of time in a text such as 90m, 2h or 1d12h. Raises ValueError for any other text, and for none."""
    match = _DURATION.fullmatch(text)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
    duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not duration:
        raise ValueError(f"must be a duration such as 90m, 2h or 1d12h, not {text!r}")
    return duration


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    duration = parse_duration(value)
    if duration > LONGEST:
        raise ValueError(f"must be at most 7 days, not {value!r}")
    return duration


def _flag(value: object) -> object:
    if isinstance(value, str) and value not in ("true", "false"):
        raise ValueError(f"must be true or false, not {value!r}")
    return value == "true" if isinstance(value, str) else value


def _items(value: object) -> object:
    """An item with nothing in it does not count."""
    return tuple(item for item in value if item not in (None, "")) if isinstance(value, list) else value


def _texts(value: object) -> object:
    """A single text may stand alone."""
    return _items([value] if isinstance(value, str) else value)


def _cluster(value: object) -> object:
    if not isinstance(value, (str, dict, type(None))):
        raise ValueError("must be the name of a file, or the fields of a cluster")
    return value


def _count(value: object) -> object:
    if isinstance(value, str) and not (value.isdecimal() and len(value) < 3):
        raise ValueError(f"must be a whole number from 0 to 99, not {value!r}")
    return int(value) if isinstance(value, str) else value


def _number(value: object) -> object:
    try:
        number = float(value) if isinstance(value, str) else value
    except ValueError:
        number = math.nan
    if isinstance(number, float) and not math.isfinite(number):
        raise ValueError(f"must be a number, not {value!r}")
    return number


def _mapping(value: object) -> object:
    if not isinstance(value, (dict, type(None))):
        raise ValueError("must be a mapping of keys to values")
    return value


def _begun(value: object) -> object:
    """An optional section that is begun and left empty lacks what it must have."""
    return {} if value is None else value


def _pattern(pattern: str, problem: str, *examples: str) -> Any:
    """A field whose text has this form; `problem` completes the sentence that begins with its name."""
    return Field(pattern=f"^{pattern}$", examples=list(examples), json_schema_extra={"patternErrorMessage": problem})


# A value is the text that was written, so `1e-3`, `0.10` and `no` mean what they look like; for an editor some of
# them are numbers.
_TEXTS = {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}
_LENGTH = {"type": "string", "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"}
_VALUE = {"type": ["string", "number", "boolean"]}
_VERSION = {"type": ["string", "integer"]}
SERVERLESS = "serverless"
Text = Annotated[str, WithJsonSchema({"type": ["string", "number"]})]
Value = Annotated[str, WithJsonSchema(_VALUE)]
Items = Annotated[tuple[str, ...], BeforeValidator(_items)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts), WithJsonSchema(_TEXTS)]
Flag = Annotated[bool, BeforeValidator(_flag), Field(strict=True, examples=[True])]
Duration = Annotated[timedelta, BeforeValidator(_duration), WithJsonSchema(_LENGTH), Field(examples=["90m"])]
Count = Annotated[int, BeforeValidator(_count), Field(examples=[2])]
Number = Annotated["float | None", BeforeValidator(_number), WithJsonSchema({"type": "number"}), Field(examples=[60])]
ClusterFields = Annotated[Any, BeforeValidator(_cluster), WithJsonSchema({"type": ["string", "object"]})]
Fields = Annotated[Any, BeforeValidator(_mapping), WithJsonSchema({"type": "object"})]
Name = Annotated[str, _pattern("[a-z][a-z0-9_]{0,99}", "must begin with a-z and go on with a-z, 0-9 and _", "training")]
Alias = Annotated[
    str,
    _pattern(
        "[A-Za-z][A-Za-z0-9_-]{0,99}", "must begin with a letter and go on with letters, digits, - and _", "champion"
    ),
]
ModelName = Annotated[
    str, _pattern("[^\\s'\"/:]{1,255}", "must be the name of a registered model", "main.default.diabetes")
]
Release = Annotated[
    str, _pattern(r"\d+\.\d+\.\d+(rc\d+)?", "must be a full release number, such as 3.17.2", DEFAULT_MLFLOW)
]
# SERVER: Databricks takes no other name of a secret's scope or key. What was written is never repeated: it may be the
# secret itself, in the place of its name.
SecretName = Annotated[
    str,
    _pattern(
        "[A-Za-z0-9_.@-]{1,128}",
        "must be the name of a secret (at most 128 letters, digits and - _ . @), never the secret itself",
        "token",
    ),
]
# The names of the Jobs API (`git_source.git_provider`).
Provider = Literal[
    "gitHub",
    "gitLab",
    "bitbucketCloud",
    "azureDevOpsServices",
    "gitHubEnterprise",
    "gitLabEnterpriseEdition",
    "bitbucketServer",
    "awsCodeCommit",
]


class Section(BaseModel):
    """A mapping with known keys. A key with nothing after it counts as left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    unknown_keys_are_errors: ClassVar[bool] = True
    may_be_empty: ClassVar[bool] = True
    short_for: ClassVar[str] = ""  # the key whose value may stand in the place of the whole section
    instead: ClassVar[Mapping[str, Any]] = {}  # the JSON schema of what may

    @classmethod
    def by_key(cls) -> dict[str, FieldInfo]:
        """Its fields, by the keys that they have in the file."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, value: Any) -> Any:
        if value is None:
            return {} if cls.may_be_empty else None
        return {cls.short_for: value} if cls.short_for and not isinstance(value, Mapping) else value

    @field_validator("*", mode="before")
    @classmethod
    def _left_empty(cls, value: object, info: ValidationInfo) -> object:
        field = cls.model_fields[info.field_name or ""]
        return field.get_default(call_default_factory=True) if value is None and not field.is_required() else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> Any:
        section = handler(core_schema)
        return {"anyOf": [{**cls.instead}, section]} if cls.instead else section


class Secret(Section):
    """Where the token of a private repository lies: in a secret scope of Databricks, never here."""

    scope: SecretName = Field(description="The secret scope.", examples=["git"])
    key: SecretName = Field(description="The key of the token in the scope.")
    username: Text = Field(default="", description="The user name the git host wants beside the token; most want none.")
    username_key: SecretName = Field(default="", description="The key under which the same scope has the user name.")


class Git(Section):
    """The repository, and the commit of it that the hook runs."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [ref]} for ref in ("tag", "commit", "branch")]})
    url: str = Field(default="", description="The repository, https://...; default: the origin of this one.")
    tag: Text = Field(default="", description="The tag to run.")
    commit: Text = Field(default="", description="The commit to run, all 40 digits.")
    branch: Text = Field(default="", description="The branch to run: whatever it holds at that minute.")
    provider: Provider | None = Field(
        default=None, description="The kind of git host, if not public.", examples=["gitHubEnterprise"]
    )
    secret: Annotated[Secret | None, BeforeValidator(_begun)] = None
    widget: Flag = Field(default=False, description="Whether callers may choose another ref.")


class ParameterSetting(Section):
    """What the project gets for one parameter, and whether callers may set it."""

    short_for, instead = "value", _VALUE
    value: Value | None = Field(default=None, description="The value; default: that of MLproject.")
    widget: Flag = Field(default=False, description="Whether callers may set it.")
    trial: Value | None = Field(default=None, description="The value in a trial, such as for a pull request.")


class JobSchedule(Section):
    """When the job starts by itself."""

    quartz: str = Field(
        min_length=1, description="Quartz: second minute hour day month weekday.", examples=["0 0 6 * * ?"]
    )
    time_zone: str = Field(default="UTC", description="Such as Europe/Berlin; default: UTC.")
    paused: Flag = Field(default=False, description="Whether the job waits until somebody resumes the schedule.")


class Notifications(Section):
    """Who gets an e-mail."""

    on_failure: Texts = Field(default=(), description="E-mail addresses.")
    on_success: Texts = Field(default=(), description="E-mail addresses.")


class ResultKeys(Section):
    """What a caller gets of the MLflow run in the hook's JSON result."""

    metrics: Texts = Field(default=(), description="Names of metrics.")
    tags: Texts = Field(default=(), description="Names of tags.")


class Compute(Section):
    """What the project runs on: a cluster file by its name, or serverless compute."""

    short_for, instead = "file", {"type": "string"}
    file: str = Field(default="", description="A cluster file, or serverless.", examples=["serverless"])
    environment_version: Annotated[str, Field(pattern="^[1-9][0-9]{0,2}$"), WithJsonSchema(_VERSION)] = Field(
        default="",
        description=f"The environment version of serverless compute; default: {DEFAULT_ENVIRONMENT}.",
        examples=[int(DEFAULT_ENVIRONMENT)],
        json_schema_extra={"patternErrorMessage": "must be the number of an environment version"},
    )

    @model_validator(mode="after")
    def _one(self) -> Compute:
        if self.environment_version and self.file not in ("", SERVERLESS):
            raise ValueError("must be the name of a file or an environment version, not both")
        return self

    @property
    def serverless(self) -> str:
        """The environment version, "" for a cluster."""
        if self.environment_version or self.file == SERVERLESS:
            return self.environment_version or DEFAULT_ENVIRONMENT
        return ""


class DataFactory(Section):
    """The pipeline for Azure Data Factory; without this section there is none."""

    linked_service: str = Field(default="", description="What the factory calls the workspace.")


class Permission(Section):
    """Who may do what with the job: one user, group or service principal, and the level."""

    level: Literal["CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER"] = Field(
        description="Of the job's permissions.", examples=["CAN_MANAGE_RUN"]
    )
    group_name: str = Field(default="", description="A group.", examples=["analysts"])
    user_name: str = Field(default="", description="The e-mail address of a user.")
    service_principal_name: str = Field(default="", description="The application id of a service principal.")

    @property
    def principals(self) -> list[tuple[str, str]]:
        """Whom it names, each with the field that does; it should be one."""
        fields = ("group_name", "user_name", "service_principal_name")
        return [(field, name) for field in fields if (name := getattr(self, field))]


class StepParameter(Section):
    """What a step gets for one parameter: a value, or what an earlier step leaves."""

    short_for, instead = "value", _VALUE
    value: Value | None = Field(default=None, description="The value.")
    step: str = Field(default="", description="The step that leaves it.")
    tag: Text = Field(default="", description="The tag of that step's MLflow run.")
    metric: Text = Field(default="", description="The metric of that step's MLflow run.")


class StepSettings(Section):
    """One step of a pipeline. It starts as soon as those have succeeded that it comes after."""

    instead = {"type": "null"}
    project: str = Field(default="", description="The folder of its project, seen from this one; default: this one.")
    entry_point: Text = Field(default="", description="Default: the entry point called as the step, else main.")
    parameters: dict[str, StepParameter] = Field(
        default={}, description="What differs from the parameters of the pipeline."
    )
    after: Texts = Field(default=(), description="The steps that must have succeeded before.")
    cluster: Compute = Field(
        default=Compute(), description="Its cluster file, seen from this folder, or serverless; default: its project's."
    )
    timeout: Duration | None = Field(default=None, description="Then the step is cancelled; default: with the whole.")
    retries: Count = Field(default=0, description="How often it is tried again after a failure; default: as above.")


class Bound(Section):
    """What a metric of a version must be, so that the version may be promoted."""

    at_most: Number = Field(default=None, description="It must not be more.")
    at_least: Number = Field(default=None, description="It must not be less.")
    better: Literal["lower", "higher"] | None = Field(
        default=None, description="Which one is better: it must be better than that of the version in use."
    )


class Gate(Section):
    """What a version must pass before it is promoted."""

    entry_point: Text = Field(
        default="",
        description="Judges a version: gets the parameter model, and logs the metrics. Default: those of its own run.",
    )
    metrics: dict[str, Bound] = Field(default={}, description="The metrics, with what each of them must be.")
    approval: Flag = Field(default=False, description="Whether a person has to approve.")


class Promotion(Section):
    """How `mlflow_hooks promote` puts a version of a registered model into use."""

    model: ModelName = Field(description="The registered model, catalog.schema.model.")
    alias: Alias = Field(default="champion", description="The alias of the version in use; default: champion.")
    candidate: Alias = Field(
        default="challenger", description="The alias of the version to promote; default: challenger."
    )
    source: str = Field(
        default="", alias="from", description="The target in which the version to promote has passed, such as qa."
    )
    gate: Gate = Gate()


class HookFile(Section):
    """How Databricks starts the MLflow project in this folder."""

    model_config = ConfigDict(title="hook.yml")
    extends: str = Field(default="", description="A file that has what is not here, such as hook.yml.")
    name: Name = Field(description="The notebook and the job are called mlflow_<name>_hook.")
    engine: Engine = Field(default=Engine.MLFLOW, examples=["mlflow"])
    git: Git = Field(examples=[{"tag": "v1.0"}])
    experiment: str = Field(
        min_length=1, description="An absolute path in the workspace.", examples=["/Shared/experiments/training"]
    )
    entry_point: Text = Field(default="main", description="The entry point of MLproject; default: main.")
    steps: dict[str, StepSettings] = Field(
        default={}, description="A pipeline of several entry points, by the names of its steps."
    )
    parameters: dict[str, ParameterSetting] = Field(
        default={}, description="Parameters of the entry point; those not named keep the default of MLproject."
    )
    targets: dict[str, Any] = Field(default={}, description="What differs in dev, qa and prod.")
    schedule: Annotated[JobSchedule | None, BeforeValidator(_begun)] = None
    timeout: Duration = Field(default=DEFAULT_TIMEOUT, description="Then the run is cancelled; default: 2h.")
    retries: Count = Field(default=0, description="How often a failed run is tried again; default: 0.")
    poll: Duration = Field(default=DEFAULT_POLL, description="How often the hook looks at the run; default: 15s.")
    notifications: Notifications = Notifications()
    result: ResultKeys = ResultKeys()
    mlflow: Release = Field(default=DEFAULT_MLFLOW, description="The release of MLflow that the hook installs.")
    project_cluster: Compute = Field(
        default=Compute(),
        description="The file with the project's cluster, or serverless; default: cluster.json.",
        examples=["gpu.json"],
    )
    cluster: ClusterFields = Field(
        default=None, description="A file beside hook.yml, or its fields; default: a small one."
    )
    permissions: Annotated[tuple[Permission, ...], BeforeValidator(_items)] = Field(
        default=(), description="Who may do what with the job, besides its owner and administrators."
    )
    job: Fields = Field(default=None, description="More settings of the job, as the Jobs API calls them: run_as, tags.")
    data_factory: DataFactory = DataFactory()
    promote: Annotated[Promotion | None, BeforeValidator(_begun)] = None


class SparkJob(Section):
    """The `databricks_spark_job` form of a project: the one that runs on Databricks Runtime 13 and later."""

    python_libraries: Texts = ()
    python_file: str = ""
    parameters: Texts = ()


class _MLflowSection(Section):
    """A mapping of which MLflow ignores the keys that it does not know."""

    unknown_keys_are_errors = False


class DeclaredParameter(_MLflowSection):
    """A parameter of an entry point; a text alone is its type, and MLflow fails on nothing at all."""

    may_be_empty = False
    short_for = "type"
    type: str = "string"
    default: Any = None


class EntryPointFields(_MLflowSection):
    """What MLproject says of one entry point."""

    command: str = ""
    parameters: dict[str, DeclaredParameter] = {}


class MLproject(_MLflowSection):
    """The file MLproject, as mlflow.projects of 3.17.2 reads it."""

    name: Any = ""
    entry_points: dict[str, EntryPointFields] = {}
    databricks_spark_job: Annotated[SparkJob | None, BeforeValidator(_begun)] = None
    python_env: Any = ""
    conda_env: Any = ""
    docker_env: Any = ""


class PythonEnvironment(Section):
    """The file that python_env names."""

    model_config = ConfigDict(extra="ignore")
    python: str = ""
    dependencies: Items = ()


class CondaDependency(Section):
    """What conda installs, or what it has pip install."""

    short_for = "conda"
    conda: str = ""
    pip: Items = ()


class CondaEnvironment(Section):
    """The file that conda_env names."""

    model_config = ConfigDict(extra="ignore")
    dependencies: tuple[CondaDependency, ...] = ()


class _JsonSchema(GenerateJsonSchema):
    """Without defaults, which the descriptions name, without null and without titles, which would repeat the keys."""

    def default_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def nullable_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _needed(schema: dict[str, Any], section: dict[str, Any]) -> dict[str, Any]:
    """What must be in a section of a schema and in those below it."""
    section = schema["$defs"].get(section.get("$ref", "").rpartition("/")[2], section)
    needed = {key: section[key] for key in ("required", "oneOf") if key in section}
    inner = {key: more for key, value in section.get("properties", {}).items() if (more := _needed(schema, value))}
    return needed | ({"properties": inner} if inner else {})


def json_schema() -> str:
    """The JSON schema of hook.yml, as hook.schema.json has it.

    What must be in a hook.yml, and in its sections, may be in the file that it extends instead. A target may have what
    the file may have.
    """
    schema = HookFile.model_json_schema(schema_generator=_JsonSchema)
    schema |= {"if": {"required": ["extends"]}, "then": {}, "else": _needed(schema, schema)}
    for section in (schema, *schema["$defs"].values()):
        section.pop("required", None)
        section.pop("oneOf", None)
    keys = {key: {"$ref": f"#/properties/{key}"} for key in schema["properties"] if key not in ("extends", "targets")}
    target = {"type": ["object", "null"], "properties": keys, "additionalProperties": False}
    schema["properties"]["targets"]["additionalProperties"] = target
    return json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", **schema}, indent=2) + "\n"
