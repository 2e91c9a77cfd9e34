from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient

from deploy.serving.app import create_app
from tests.deploy.serving.house import POLICY, House, quick_config, wait_until


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


@pytest.fixture
def start(house: House) -> Iterator[Callable[..., TestClient]]:
    """Start an application in this process; it ends with the test, or when its client is closed."""
    with ExitStack() as stack:

        def _start(*, ready: bool = True, **changes: Any) -> TestClient:
            app = create_app(
                quick_config(**changes),
                objects=house.objects,
                telemetry=house.telemetry,
                public_key=house.keys.public,
                input_policy=POLICY,
                cache_folder=house.cache,
            )
            client = stack.enter_context(TestClient(app))
            if ready:
                wait_until(lambda: client.get("/readyz").status_code == 200, "readiness")
            return client

        yield _start


@pytest.fixture
def client(house: House, start: Callable[..., TestClient]) -> TestClient:
    """A replica with one version, `1`, as champion."""
    house.publish(champion=house.add_version("1", seed=1))
    return start()
