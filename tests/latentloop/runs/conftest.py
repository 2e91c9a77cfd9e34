"""A run of this test alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.settings import Settings
from deploy.stores.orchestrator import Orchestrator
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import open_database
from latentloop.runs.following import Followed
from tests.latentloop.prefect_runs import create_unclaimed_run
from tests.latentloop.runs.world import AGAIN, World
from tests.servers import PatientTransport


@pytest.fixture
def world(prefect_api: str, tmp_path: Path) -> Iterator[World]:
    settings = Settings(home=tmp_path, prefect_url=prefect_api)
    engine, transport = open_database(settings), PatientTransport()
    with (
        Orchestrator(prefect_api) as orchestrator,
        httpx.Client(base_url=prefect_api, timeout=30, transport=transport) as api,
    ):
        key = f"by-hand-{uuid.uuid4().hex}"
        run = create_unclaimed_run(orchestrator, api, key)
        followed = Followed(run, "retrain-full", key, AGAIN)
        yield World(orchestrator, api, Ledger(engine), settings, followed, [])
    engine.dispose()
