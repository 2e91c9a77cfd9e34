"""Runs on a real Prefect server that no worker picks up, so that a test says where they stand."""

from __future__ import annotations

import uuid

import httpx

from deploy.stores.orchestrator import Orchestrator, RunRef


def create_unclaimed_run(orchestrator: Orchestrator, api: httpx.Client, key: str) -> RunRef:
    """A run that was told this trigger's key, of a deployment and in a pool of its own."""
    pool, flow = (f"{what}-{uuid.uuid4().hex}" for what in ("pool", "flow"))
    orchestrator.ensure_work_pool(pool)
    flow_id = api.post("/flows/", json={"name": flow}).json()["id"]
    schema = {"type": "object", "properties": {"key": {"type": "string"}}}
    body = {"name": "d", "flow_id": flow_id, "work_pool_name": pool, "parameter_openapi_schema": schema}
    assert api.post("/deployments/", json=body).is_success
    return orchestrator.create_run(f"{flow}/d", {"key": key}, flow)
