"""Real MLflow servers on SQLite and on PostgreSQL, and a home without a word for any of them."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from deploy.stores.mlflow.registry import Registry
from tests.deploy.serving.house import tiny_artifact
from tests.deploy.stores.mlflow.answers import forget_access
from tests.deploy.stores.mlflow.registering import Logged
from vae_core.artifact import write_artifact


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks has no word for any server yet."""
    forget_access(monkeypatch, tmp_path)


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def server_url(request: pytest.FixtureRequest) -> str:
    """Give the MLflow server on that database."""
    name = "mlflow_url" if request.param == "sqlite" else "mlflow_on_postgresql"
    return str(request.getfixturevalue(name))


@pytest.fixture
def registry(server_url: str) -> Registry:
    """Make an empty registered model."""
    registry = Registry(server_url, f"product-{uuid.uuid4().hex}")
    registry.ensure_model()
    return registry


@pytest.fixture(scope="package")
def logged(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Logged:
    """Log one model, the source of every version here."""
    registry = Registry(server_url, f"logged-{uuid.uuid4().hex}")
    folder, artifact = tmp_path_factory.mktemp("logged") / "artifact", tiny_artifact(5)
    write_artifact(folder, artifact)
    run_id = registry.ensure_run("t1", "training", {})
    return Logged(run_id, registry.log_model(run_id, folder, (1, 28, 28)), artifact)
