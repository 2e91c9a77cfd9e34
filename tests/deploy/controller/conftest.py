"""A Prefect server that knows the deployments that the controller asks for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import httpx
import pytest

from deploy.controller.neighbours import Neighbours
from deploy.stores.orchestrator import Orchestrator
from tests.deploy.controller.world import close, neighbours
from tests.deploy.serving.house import House
from tests.servers import PatientTransport

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


@pytest.fixture(autouse=True)
def no_old_runs(request: pytest.FixtureRequest) -> None:
    """The server is shared: runs of an earlier test are not this test's."""
    if "with_prefect" in request.fixturenames:
        api: httpx.Client = request.getfixturevalue("api")
        ours = {"deployments": {"name": {"any_": list(FLOWS)}}, "limit": 200}
        for run in api.post("/flow_runs/filter", json=ours).json():
            api.delete(f"/flow_runs/{run['id']}")
