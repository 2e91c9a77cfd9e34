"""Many who write at once into the SQLite file of the Prefect server that `up` starts: all wait, none is turned away."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from latentloop.orchestration.prefect_server import waiting_database
from tests.prefect_login import prefect_login
from tests.servers import GuardedPrefect

pytestmark = pytest.mark.server
Asked = tuple[str, int]


def test_heartbeats_polls_new_runs_and_their_states_are_all_taken(guarded_prefect: GuardedPrefect) -> None:
    login, pool = prefect_login(guarded_prefect.settings), f"pool-{uuid.uuid4().hex}"
    with httpx.Client(base_url=guarded_prefect.api_url, auth=login, timeout=300) as client:

        def ask(path: str, body: object) -> httpx.Response:
            return client.post(path, json=body)

        deployments = _deploy(ask, pool)

        def beat(worker: int) -> list[Asked]:
            body = {"name": f"worker-{worker}", "heartbeat_interval_seconds": 30}
            return [("heartbeat", ask(f"/work_pools/{pool}/workers/heartbeat", body).status_code) for _ in range(15)]

        def poll(_: int) -> list[Asked]:
            return [("poll", ask(f"/work_pools/{pool}/get_scheduled_flow_runs", {}).status_code) for _ in range(15)]

        def run(deployment: str) -> list[Asked]:
            found = []
            for _ in range(5):
                state = {"type": "SCHEDULED", "name": "Scheduled"}
                made = ask(f"/deployments/{deployment}/create_flow_run", {"state": state})
                found.append(("new run", made.status_code))
                for kind in ("PENDING", "RUNNING", "COMPLETED"):
                    body = {"state": {"type": kind, "name": kind.title()}, "force": True}
                    said = ask(f"/flow_runs/{made.json().get('id')}/set_state", body)
                    found.append(("state", said.status_code))
            return found

        with ThreadPoolExecutor(8) as at_once:
            parts = [at_once.submit(beat, each) for each in range(2)]
            parts += [at_once.submit(poll, each) for each in range(2)]
            parts += [at_once.submit(run, each) for each in deployments]
            answers = Counter(answer for part in parts for answer in part.result())

    assert answers == {("heartbeat", 204): 30, ("poll", 200): 30, ("new run", 201): 20, ("state", 201): 60}


def test_a_server_on_postgresql_keeps_its_own_ways() -> None:
    from prefect.server.database.dependencies import MODELS_DEPENDENCIES

    before = MODELS_DEPENDENCIES["database_config"]
    with waiting_database("postgresql+asyncpg://nobody@127.0.0.1:9/prefect"):
        assert MODELS_DEPENDENCIES["database_config"] is before


def _deploy(ask: Callable[[str, object], httpx.Response], pool: str) -> Sequence[str]:
    """Four deployments of one flow, in a pool that no worker polls; their ids."""
    ask("/work_pools/", {"name": pool, "type": "process"}).raise_for_status()
    flow = ask("/flows/", {"name": f"flow-{pool}"}).json()["id"]
    made = [ask("/deployments/", {"name": f"{each}", "flow_id": flow, "work_pool_name": pool}) for each in range(4)]
    return [each.json()["id"] for each in made]
