"""One house for the folder: every test registers versions of its own and looks only at them."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from deploy.controller.service import Service
from deploy.stores.mlflow.registry import Registry
from tests.deploy.controller.reconcile.neighbourhood import World
from tests.deploy.controller.world import close, neighbours
from tests.deploy.serving.house import House, tiny_artifact
from tests.deploy.serving.process import environment
from tests.servers import free_ports, running
from vae_core.artifact import write_artifact


@pytest.fixture(scope="package")
def world(mlflow_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
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


@contextmanager
def serving_process(house: House) -> Iterator[str]:
    """Run a replica without a champion; it trusts any golden answer, so that the controller has something to find."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "deploy.serving", "--port", str(port)]
    settings = environment(house, serving__golden_tolerance="1e9", serving__load_retry_s="0.2")

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/healthz", timeout=10).is_success
        except httpx.TransportError:
            return False

    with running("serving", command, house.root, settings, answers, port=port):
        yield url
