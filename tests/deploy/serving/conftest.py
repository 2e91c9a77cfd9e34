from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
import torch

from tests.deploy.serving.house import House, replica


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def start(house: House) -> Iterator[Callable[..., httpx.Client]]:
    """Start applications in this process that end with the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(replica(house, **options))


@pytest.fixture
def client(house: House, start: Callable[..., httpx.Client]) -> httpx.Client:
    """Start a replica with one version, `1`, as champion."""
    house.publish(champion=house.add_version("1", seed=1))
    return start()
