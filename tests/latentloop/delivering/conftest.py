"""One home on each kind of registry, for all that is said of the versions in it."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from deploy.settings import load_settings
from deploy.wiring import open_registry
from tests.deploy.controller.world import nowhere
from tests.deploy.serving.house import tiny_artifact
from tests.latentloop.delivering.home import Home
from vae_core.artifact import write_artifact


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One home on each kind of registry; every test has versions of its own."""
    name = "mlflow_url" if request.param == "sqlite" else "mlflow_on_postgresql"
    folder: Path = tmp_path_factory.mktemp("home")
    urls = {"mlflow_url": request.getfixturevalue(name), "prefect_url": f"{nowhere()}/api", "service_url": nowhere()}
    settings = load_settings(home=folder / "home", product=f"approving-{uuid.uuid4().hex}", **urls)
    registry = open_registry(settings)
    registry.ensure_model()
    write_artifact(folder / "artifact", tiny_artifact(1))
    run_id = registry.ensure_run("a-training", "training", {})
    return Home(settings, registry, run_id, registry.log_model(run_id, folder / "artifact", (1, 28, 28)))
