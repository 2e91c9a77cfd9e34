"""The only reader of the environment and of `latentloop.toml`.

Built once per process by `load_settings`; functions take the part that they use. Precedence: environment
(`LATENTLOOP_*`, nested names joined by `__`), then the file (`latentloop.toml` in the working directory, or the path in
`LATENTLOOP_CONFIG`; empty: no file), then the defaults, which are a complete laptop installation in `.latentloop`
beside the file. Places are absolute from here on: a process in another folder that is handed them means the same ones.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

from data_checks.drift.policy import DriftPolicy
from data_checks.kinds.new_kind import NewKindPolicy
from data_checks.label_errors import LabelPolicy
from data_checks.policy import InputPolicy
from deploy.configuration.evaluation import EvaluationConfig
from deploy.configuration.fields import read_fields
from deploy.configuration.file import SettingsFileError, is_there, read_settings_file
from deploy.configuration.following import SHAPE, follow
from deploy.configuration.intake import IntakeConfig
from deploy.configuration.login import is_prefect_auth
from deploy.configuration.origins import NOTHING_SAID, Said, gather_said
from deploy.configuration.problems import find_unknown_variables, place_of, say_problems
from deploy.configuration.sources import EnvironmentSource, FileSource
from deploy.configuration.training import TrainingConfig
from deploy.configuration.urls import require_database, require_objects, require_web
from deploy.controller.config import ControllerConfig
from deploy.delivery.policy import GatePolicy
from deploy.delivery.trial_policy import DeliveryPolicy
from deploy.serving.config import ServingConfig
from deploy.shown_time import require_zone
from vae_core.images.preprocessing import Preprocessing

if TYPE_CHECKING:
    pass

ENV_PREFIX = "LATENTLOOP_"
CONFIG_VARIABLE = "LATENTLOOP_CONFIG"
DEFAULT_CONFIG = Path("latentloop.toml")


class SettingsError(Exception):
    """The settings cannot be used; the message lists every problem, one a line, with its place."""


class S3Config(BaseModel):
    """Where the S3 of `objects_url = "s3://bucket/prefix"` answers, and as whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint_url: Annotated[str | None, AfterValidator(require_web)] = Field(
        None, description="address of an S3 look-alike; None is AWS"
    )
    region: str = Field("us-east-1", description="of the bucket")
    access_key: SecretStr | None = Field(None, description="who asks; None: as boto3 finds it")
    secret_key: SecretStr | None = Field(None, description="what proves it; None: as boto3 finds it")


class Settings(BaseSettings):
    """Everything that an installation can be told."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid", validate_default=True
    )

    product: str = Field(
        "image-vae",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="name of the registered model and its experiment",
    )
    home: Annotated[Path, AfterValidator(Path.absolute)] = Field(
        default_factory=lambda: _base_folder() / ".latentloop",
        description="folder of everything that this installation keeps here",
        json_schema_extra={"default_in_words": ".latentloop beside the settings file"},
    )
    assets_folder: Path = Field(
        Path(sys.prefix) / "share" / "latentloop",
        description="folder of what set-up brings once: the feature network, and the data set of the demo",
        json_schema_extra={"default_in_words": "share/latentloop of the Python environment"},
    )
    fashion_mnist: Path | None = Field(
        None, description="folder of the four idx files of the demo, plain or gzipped; None: assets_folder"
    )

    database_url: Annotated[str | None, AfterValidator(require_database)] = Field(
        None, repr=False, description="database of ledger and release row; None is SQLite under home"
    )
    telemetry_url: Annotated[str | None, AfterValidator(require_database)] = Field(
        None, repr=False, description="database of the telemetry; None: the database_url, or SQLite under home"
    )
    objects_url: Annotated[str | None, AfterValidator(require_objects)] = Field(
        None, description="object store: s3://bucket/prefix or a folder; None is a folder under home"
    )
    mlflow_url: Annotated[str | None, AfterValidator(require_web)] = Field(
        None, pattern="^https?://", description="the MLflow server; None: started by `latentloop up`"
    )
    prefect_url: Annotated[str | None, AfterValidator(require_web)] = Field(
        None, pattern="^https?://", description="the Prefect server, ends in /api; None: started by `up`"
    )
    prefect_auth: SecretStr | None = Field(
        None, description="`user:password` of the server at prefect_url; None: generated for the one that `up` starts"
    )
    service_url: Annotated[str | None, AfterValidator(require_web)] = Field(
        None, pattern="^https?://", description="the inference service; None: started by `up`"
    )
    s3: S3Config = S3Config()

    clock_factor: float = Field(
        1.0,
        gt=0,
        le=1.0,
        description="multiplies the waiting that the policies ask for, no technical limit; the demo compresses with it",
    )

    timezone: Annotated[str | None, AfterValidator(require_zone)] = Field(
        None,
        description="zone that people are shown times in, such as Europe/Berlin; they are stored in UTC",
        json_schema_extra={"default_in_words": "that of the machine"},
    )

    preprocessing: Preprocessing = Preprocessing()
    input_policy: InputPolicy = InputPolicy()
    intake: IntakeConfig = IntakeConfig()
    label_policy: LabelPolicy = LabelPolicy()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    gate: GatePolicy = GatePolicy()
    delivery: DeliveryPolicy = DeliveryPolicy()
    drift: DriftPolicy = DriftPolicy()
    new_kind: NewKindPolicy = NewKindPolicy()
    controller: ControllerConfig = ControllerConfig()
    serving: ServingConfig = ServingConfig()

    _said: Said = PrivateAttr(NOTHING_SAID)

    @property
    def said(self) -> Said:
        """Who said what of these settings."""
        return self._said

    @property
    def file(self) -> Path | None:
        """The settings file in force, absolute; None where there is none."""
        return self._said.file

    @property
    def file_name(self) -> str:
        """The settings file, for a person."""
        return str(self.file) if self.file is not None else "no settings file"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment before file; no dotenv, no secrets folder."""
        return init_settings, EnvironmentSource(settings_cls), FileSource(settings_cls, config_path())

    @field_validator("prefect_auth")
    @classmethod
    def _has_two_parts(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and not is_prefect_auth(given.get_secret_value()):
            raise ValueError("expected `user:password` in ASCII, as the server's PREFECT_SERVER_API_AUTH_STRING has it")
        return given

    @model_validator(mode="before")
    @classmethod
    def _follow(cls, values: dict[str, Any]) -> dict[str, Any]:
        return follow(values)

    @model_validator(mode="after")
    def _agree(self) -> Settings:
        model, images = self.training.model, self.preprocessing
        if differ := [word for word in SHAPE if getattr(model, word) != getattr(images, word)]:
            told = " and ".join(
                f"training.model.{word} is {getattr(model, word)}, preprocessing.{word} is {getattr(images, word)}"
                for word in differ
            )
            raise ValueError(f"{told}: leave it out of [training.model], which follows [preprocessing]")
        if self.prefect_url and urlsplit(self.prefect_url).username is not None:
            # the URL is printed, logged and opened in browsers
            raise ValueError("prefect_url: expected no password in the URL; set prefect_auth to `user:password`")
        return self

    # --- places -------------------------------------------------------------------------------------------------

    @property
    def features_file(self) -> Path:
        """EfficientNet-Lite0 as safetensors, converted once at set-up."""
        return self.assets_folder / "efflite0.safetensors"

    @property
    def cache_folder(self) -> Path:
        """Local copies of artifacts that were verified."""
        return self.home / "cache"

    @property
    def work_folder(self) -> Path:
        """Checkpoints of trainings in progress."""
        return self.home / "work"

    @property
    def secrets_folder(self) -> Path:
        """Generated keys, mode 0600."""
        return self.home / "secrets"

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of ledger and release row."""
        return self.database_url or f"sqlite:///{self.home / 'ledger.db'}"

    @property
    def telemetry_database(self) -> str:
        """SQLAlchemy URL of the telemetry; its own file on a laptop, so that requests never wait for the ledger."""
        return self.telemetry_url or self.database_url or f"sqlite:///{self.home / 'telemetry.db'}"


def config_path() -> Path | None:
    """The settings file in force, absolute, whether it exists or not; None where the environment says: none."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named == "":
        return None
    return (Path(named) if named else DEFAULT_CONFIG).expanduser().absolute()


def _base_folder() -> Path:
    path = config_path()
    return path.parent if path is not None and path.is_file() else Path.cwd()


def load_settings(**overrides: Any) -> Settings:
    """Read, check and freeze the settings.

    Raises `SettingsError` with every problem at once: a file that is missing or no TOML, an unknown word, a value out
    of bounds, a contradiction.
    """
    file, table = _read_file()
    said, fields = gather_said(os.environ, ENV_PREFIX, table, file, overrides), read_fields(Settings)
    unknown = find_unknown_variables(os.environ, ENV_PREFIX, fields, (CONFIG_VARIABLE,))
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        found = say_problems((each for each in error.errors() if place_of(each) not in unknown), said, fields)
        raise SettingsError("\n".join([*unknown.values(), *found])) from error
    except SourceError as error:  # a table or a list that is no JSON
        raise SettingsError("\n".join(unknown.values()) or str(error)) from error
    if unknown:
        raise SettingsError("\n".join(unknown.values()))
    settings._said = said
    quiet_vendors()
    return settings


def _read_file() -> tuple[Path | None, dict[str, Any]]:
    """The path of the settings file, if there is one, and what it says.

    `SettingsError` for one that is named and missing, for what can be no settings file, and for no TOML.
    """
    path = config_path()
    try:
        if path is not None and is_there(path):
            return path, read_settings_file(path)
    except SettingsFileError as error:
        raise SettingsError(str(error)) from error
    if os.environ.get(CONFIG_VARIABLE):
        raise SettingsError(f"{path}: no such settings file; {CONFIG_VARIABLE} names it")
    return None, {}


def quiet_vendors() -> None:
    """No library phones home, unpickles a model or retries a dead neighbour for minutes, unless told otherwise."""
    for name, value in VENDOR_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # the first program of a slow machine says that it builds a cache of fonts, in the middle of its own words
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)


VENDOR_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
