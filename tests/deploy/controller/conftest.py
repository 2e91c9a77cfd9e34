"""A Prefect server that knows the deployments of the controller, and a house in which versions are delivered."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import httpx
import pytest

from deploy.controller.neighbours import Neighbours
from deploy.controller.service import Service
from deploy.stores.mlflow.registry import Registry
from deploy.stores.orchestrator import Orchestrator
from tests.deploy.controller.neighbourhood import World
from tests.deploy.controller.serving_process import serving_process
from tests.deploy.controller.world import close, neighbours
from tests.deploy.serving.house import House, tiny_artifact
from tests.servers import PatientTransport
from vae_core.artifact import write_artifact

FLOWS = {
    "monitor": ("key", "reason"),
    "deliver": ("version", "champion", "since"),
    "retrain-emergency": ("key", "reason", "cause", "snapshot"),
}


@pytest.fixture
def api(prefect_api: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=prefect_api, timeout=120, transport=PatientTransport()) as client:
        yield client


@pytest.fixture
def with_prefect(house: House, prefect_api: str, api: httpx.Client) -> Iterator[Neighbours]:
    """Stores and a Prefect server, whose runs nobody picks up."""
    orchestrator = Orchestrator(prefect_api)
    pool = f"pool-{uuid.uuid4().hex}"
    orchestrator.ensure_work_pool(pool)
    for flow, parameters in FLOWS.items():
        flow_id = api.post("/flows/", json={"name": flow}).json()["id"]
        schema = {"type": "object", "properties": {each: {"type": "string"} for each in parameters}}
        body = {"name": flow, "flow_id": flow_id, "work_pool_name": pool, "parameter_openapi_schema": schema}
        assert api.post("/deployments/", json=body).is_success
    found = neighbours(house, orchestrator=orchestrator)
    yield found
    close(found)


@pytest.fixture(scope="package")
def world(mlflow_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One house for the folder: every test registers versions of its own and looks only at them."""
    house = House(tmp_path_factory.mktemp("house"))
    registry = Registry(mlflow_url, f"controller-{uuid.uuid4().hex}")
    registry.ensure_model()
    run_id = registry.ensure_run("a-training", "training", {})
    write_artifact(house.root / "logged", tiny_artifact(0))
    model_uri = registry.log_model(run_id, house.root / "logged", (1, 28, 28))
    with serving_process(house) as url:
        found = neighbours(house, registry=registry, service=Service(url))
        yield World(house, found, run_id, model_uri)
        close(found)
    house.close()


@pytest.fixture(autouse=True)
def no_old_runs(request: pytest.FixtureRequest) -> None:
    """The server is shared: runs of an earlier test are not this test's."""
    if "with_prefect" in request.fixturenames:
        api: httpx.Client = request.getfixturevalue("api")
        ours = {"deployments": {"name": {"any_": list(FLOWS)}}, "limit": 200}
        for run in api.post("/flow_runs/filter", json=ours).json():
            api.delete(f"/flow_runs/{run['id']}")
