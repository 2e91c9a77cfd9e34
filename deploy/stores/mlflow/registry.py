"""The model registry: MLflow's versions, tags and aliases, and nothing of its vocabulary beyond this file.

The row `approval` exists from the first moment, because a person can edit a tag in the MLflow UI only where it exists.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.stores.errors import StoreError, StoreRefused, StoreUnavailable
from deploy.stores.faults import register
from deploy.stores.mlflow.api import ApiError, MlflowApi
from deploy.stores.mlflow.limits import (
    METRICS_AT_ONCE,
    RUN_NAME,
    TAG,
    fit_description,
    fit_identity,
    fit_params,
    fit_tags,
    fit_text,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

CREATE_MODEL = register("registry.create_model", "the registered model of the product")
LOG_RUN = register("registry.log_run", "run, parameters, metrics and pictures of a training")
LOG_MODEL = register("registry.log_model", "the artifact as an MLflow model")
CREATE_VERSION = register("registry.create_version", "the version with its tags and card")
SET_TAG = register("registry.set_tag", "one tag of a version")
SET_ALIAS = register("registry.set_alias", "one alias of the model")

_REFUSALS = frozenset(
    {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS",
     "PERMISSION_DENIED", "UNAUTHENTICATED", "INVALID_STATE"}
)  # fmt: skip

READY_S = 5.0

PENDING, APPROVED, REJECTED = "pending", "approved", "rejected"
TRIGGER_TAG = "latentloop.trigger"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a question about versions, tags or aliases waits in silence, and how often it is asked again.

    An answer takes 0.03 s; who asks many of them (the controller) comes back anyway. Runs and models keep the limits of
    MLflow's client: an upload may take its time.
    """

    question_s: float = 6.0
    retries: int = 1


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """A version as the registry shows it: number, tags and birth."""

    version: str
    tags: Mapping[str, str]
    created_at: datetime
    run_id: str | None

    @property
    def approval(self) -> str:
        """`pending`, `approved` or `rejected`: what a person said last."""
        return self.tags.get("approval", PENDING).strip().lower()

    @property
    def digest(self) -> str:
        """Digest of the artifact's manifest, empty where the tag is missing."""
        return self.tags.get("model_digest", "")


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One value of a training curve."""

    name: str
    value: float
    step: int


class Registry:
    """The versions of one product on one MLflow server.

    Every method raises `StoreUnavailable` when the server is away (for what concerns versions, tags and aliases when
    the patience is over, which is 12 s of silence unless told otherwise), and `StoreRefused` when it says no.
    """

    def __init__(self, url: str, product: str, patience: Patience | None = None) -> None:
        self.url = url.rstrip("/")
        self.product = product
        self._patience = patience or Patience()
        self._api = MlflowApi(self.url, retries=self._patience.retries)

    @cached_property
    def _client(self) -> MlflowClient:
        """MLflow's own client, for runs and models: who only asks does not load it."""
        from mlflow import MlflowClient

        self._api.require_access()
        return MlflowClient(tracking_uri=self.url, registry_uri=self.url)

    # --- reading ------------------------------------------------------------------------------------------------

    def ready(self) -> bool:
        """Does the server answer?"""
        return self._api.answers(timeout_s=READY_S)

    def versions(self) -> list[RegisteredVersion]:
        """All versions, newest first."""
        with self._border("list the versions"):
            found = self._ask(
                "GET", "model-versions/search",
                filter=f"name = '{self.product}'", max_results=1000, order_by=["version_number DESC"],
            )  # fmt: skip
            return [_registered(each) for each in found.get("model_versions", [])]

    def version(self, version: str) -> RegisteredVersion:
        """One version."""
        with self._border(f"read version {version}"):
            found = self._ask("GET", "model-versions/get", name=self.product, version=version)
            return _registered(found["model_version"])

    def find_by_trigger(self, trigger: str) -> RegisteredVersion | None:
        """The version that this trigger made, if it made one already."""
        return next((each for each in self.versions() if each.tags.get(TRIGGER_TAG) == trigger), None)

    def alias(self, name: str) -> str | None:
        """The version that the alias points at."""
        with self._border(f"read alias {name}"):
            try:
                found = self._ask("GET", "registered-models/alias", name=self.product, alias=name)
                return str(found["model_version"]["version"])
            except ApiError as error:
                if error.code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                    return None
                raise

    def born(self) -> datetime | None:
        """When the registered model was made: another registry's is of another time. None where there is none."""
        with self._border("read the registered model"):
            try:
                found = self._ask("GET", "registered-models/get", name=self.product)["registered_model"]
                return datetime.fromtimestamp(found["creation_timestamp"] / 1000, UTC)
            except ApiError as error:
                if error.code == "RESOURCE_DOES_NOT_EXIST":
                    return None
                raise

    def version_url(self, version: str) -> str:
        """The page where a person approves; the UI has no link to it from its start page."""
        return f"{self.url}/#/models/{self.product}/versions/{version}"

    def run_file_link(self, run_id: str, path: str) -> str:
        """The same page as a link from within MLflow's own pages, whatever address they are read under."""
        return self.run_file_url(run_id, path).removeprefix(self.url)

    def run_file_url(self, run_id: str, path: str) -> str:
        """The page that shows a run's file."""
        with self._library_border(f"read run {run_id}"):
            experiment = self._client.get_run(run_id).info.experiment_id
        return f"{self.url}/#/experiments/{experiment}/runs/{run_id}/artifacts/{path}"

    # --- writing ------------------------------------------------------------------------------------------------

    def ensure_model(self) -> None:
        """Create the registered model once."""
        from mlflow.exceptions import MlflowException

        with self._library_border("create the registered model"), CREATE_MODEL:
            try:
                self._client.create_registered_model(self.product)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise

    def ensure_run(self, trigger: str, name: str, params: Mapping[str, Any]) -> str:
        """The run of this trigger: found by its tag, or created with its parameters."""
        trigger = fit_identity("trigger", trigger)
        with self._library_border("open a run"):
            experiment = self._client.get_experiment_by_name(self.product)
            experiment_id = experiment.experiment_id if experiment else self._create_experiment()
            found = self._client.search_runs([experiment_id], f"tags.`{TRIGGER_TAG}` = '{trigger}'", max_results=1)
            if found:
                return str(found[0].info.run_id)
            with LOG_RUN:
                kept = fit_text(name, RUN_NAME)
                run = self._client.create_run(experiment_id, run_name=kept, tags={TRIGGER_TAG: trigger})
                self._log_params(run.info.run_id, params)
                return str(run.info.run_id)

    def log_params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """More parameters of a run; again with the same values nothing changes, with others it is refused."""
        with self._library_border("log parameters"), LOG_RUN:
            self._log_params(run_id, params)

    def _log_params(self, run_id: str, params: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        for part in fit_params(params):
            self._client.log_batch(run_id, params=[Param(key, value) for key, value in part.items()])

    def _create_experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        try:
            return str(self._client.create_experiment(self.product))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return str(self._client.get_experiment_by_name(self.product).experiment_id)

    def log_curve(self, run_id: str, points: Sequence[CurvePoint], now: datetime) -> None:
        """Points of training curves, in batches of what the server takes."""
        from mlflow.entities import Metric

        at = int(now.timestamp() * 1000)
        rows = [Metric(each.name, float(each.value), at, each.step) for each in points]
        with self._library_border("log a curve"), LOG_RUN:
            for start in range(0, len(rows), METRICS_AT_ONCE):
                self._client.log_batch(run_id, metrics=rows[start : start + METRICS_AT_ONCE])

    def log_files(self, run_id: str, folder: Path) -> None:
        """Pictures and tables, at the root of the run's artifacts (where the version page can show them)."""
        with self._library_border("log the pictures"), LOG_RUN:
            self._client.log_artifacts(run_id, str(folder))

    def log_model(self, run_id: str, artifact_folder: Path, image_shape: tuple[int, int, int]) -> str:
        """Log the artifact folder as a models-from-code pyfunc; returns its `models:/m-...` URI."""
        import mlflow
        import numpy as np
        from mlflow.models import ModelSignature
        from mlflow.types import Schema, TensorSpec

        channels, height, width = image_shape
        signature = ModelSignature(
            inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, channels, height, width), name="pixels")])
        )
        with self._library_border("log the model"), LOG_MODEL, warnings.catch_warnings():
            # advice to type the predict function and to add an example: the signature says all that there is to say
            # (MLflow overrides filters, so the way out is closed instead)
            warnings.showwarning = lambda *_, **__: None
            mlflow.set_tracking_uri(self.url)
            with mlflow.start_run(run_id=run_id):
                info = mlflow.pyfunc.log_model(
                    name="vae",
                    python_model=str(Path(__file__).with_name("registered_model.py")),
                    artifacts={"artifact": str(artifact_folder)},
                    signature=signature,
                    pip_requirements=["latentloop"],
                )
            return str(info.model_uri)

    def create_version(
        self, *, model_uri: str, run_id: str, trigger: str, tags: Mapping[str, str], description: str
    ) -> RegisteredVersion:
        """The version of a logged model (`models:/m-...`) with `approval=pending`; the same trigger never makes two.

        StoreRefused for a description that is longer than `registry_limits.DESCRIPTION`; longer tags are cut.
        """
        trigger, description = fit_identity("trigger", trigger), fit_description(description)
        if (existing := self.find_by_trigger(trigger)) is not None:
            return existing
        logging.getLogger("mlflow.store.model_registry").setLevel(logging.WARNING)
        with self._library_border("create a version"), CREATE_VERSION:
            created = self._client.create_model_version(
                self.product,
                source=model_uri,
                # the server refuses a logged model as a source without its id
                model_id=model_uri.removeprefix("models:/"),
                run_id=run_id,
                tags={**fit_tags(tags), TRIGGER_TAG: trigger, "approval": PENDING},
                description=description,
            )
        return self.version(str(created.version))

    def finish_run(self, run_id: str) -> None:
        """Mark the run as finished."""
        with self._library_border("finish the run"), LOG_RUN:
            self._client.set_terminated(run_id)

    def set_tag(self, version: str, key: str, value: str) -> None:
        """One tag, cut where it is too long; the controller never sets `approval`."""
        value = fit_text(value, TAG)
        with self._border(f"tag version {version}"), SET_TAG:
            self._ask("POST", "model-versions/set-tag", name=self.product, version=version, key=key, value=value)

    def set_alias(self, name: str, version: str) -> None:
        """Point an alias at a version."""
        with self._border(f"set alias {name}"), SET_ALIAS:
            self._ask("POST", "registered-models/alias", name=self.product, alias=name, version=version)

    def delete_alias(self, name: str) -> None:
        """Remove an alias; nothing happens where it does not exist."""
        with self._border(f"delete alias {name}"), SET_ALIAS:
            self._ask("DELETE", "registered-models/alias", name=self.product, alias=name)

    def _ask(self, method: str, endpoint: str, **said: Any) -> Any:
        """One question, with limits of its own."""
        return self._api.ask(method, endpoint, timeout_s=self._patience.question_s, **said)

    @contextmanager
    def _border(self, doing: str) -> Iterator[None]:
        """What a question may raise, in our words."""
        try:
            yield
        except ApiError as error:
            raise self._failure(doing, error, error.code) from error
        except (KeyError, TypeError, ValueError) as error:  # of a proxy, or of another MLflow
            raise StoreUnavailable(
                f"MLflow at {self.url} could not {doing}: its answer is none of MLflow's "
                f"({type(error).__name__}: {_first_line(error)}); does the address lead to it?"
            ) from error

    @contextmanager
    def _library_border(self, doing: str) -> Iterator[None]:
        """What MLflow's library may raise, in our words."""
        from mlflow.exceptions import MlflowException
        from requests.exceptions import RequestException

        with self._border(doing):
            try:
                yield
            except MlflowException as error:
                raise self._failure(doing, error, error.error_code) from error
            except RequestException as error:
                raise self._failure(doing, error, "") from error

    def _failure(self, doing: str, error: Exception, code: str) -> StoreError:
        said = _first_line(error)
        if code in _REFUSALS:
            return StoreRefused(f"MLflow at {self.url} refused to {doing}: {said}")
        return StoreUnavailable(f"MLflow at {self.url} could not {doing}: {said}; is the server up?")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def _registered(found: Any) -> RegisteredVersion:
    return RegisteredVersion(
        version=found["version"],
        tags={tag["key"]: tag["value"] for tag in found.get("tags", [])},
        created_at=datetime.fromtimestamp(found["creation_timestamp"] / 1000, UTC),
        run_id=found.get("run_id"),
    )
