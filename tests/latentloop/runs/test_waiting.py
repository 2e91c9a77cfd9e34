"""What a run says that it waits for, from a real Prefect server whose pools are paused, full or without a worker."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import httpx
import pytest

from deploy.stores.orchestrator import Orchestrator, RunRef, RunState, WorkPool
from latentloop.runs.waiting import ASK_EVERY_S, FIRST_AFTER_S, Waiting, say_why
from tests.servers import PatientTransport

FREE = WorkPool("gpu", paused=False, limit=None, running=0, workers_online=1, url="http://prefect/gpu")


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        (FREE, None),
        (WorkPool("gpu", False, 2, 1, 1, "u"), None),
        (WorkPool("gpu", True, None, 0, 0, "http://p/gpu"), "work pool gpu (http://p/gpu) is paused; resume it there"),
        (
            WorkPool("gpu", False, None, 0, 0, "u"),
            "no worker is online in work pool gpu (u); `latentloop up` starts one",
        ),
        (WorkPool("gpu", False, 1, 1, 1, "u"), "for its turn: work pool gpu (u) has 1 of at most 1 runs in work"),
    ],
)
def test_a_pool_says_what_stands_in_the_way(pool: WorkPool, words: str | None) -> None:
    why = say_why(pool)
    assert why is None if words is None else why is not None and why.startswith("it waits") and words in why


@pytest.fixture
def api(prefect_api: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=prefect_api, timeout=30, transport=PatientTransport()) as client:
        yield client


class Told:
    """A run in a pool of its own, what was said of it, and a clock moved by hand."""

    def __init__(self, orchestrator: Orchestrator, api: httpx.Client) -> None:
        self.pool, flow = f"pool-{uuid.uuid4().hex}", f"flow-{uuid.uuid4().hex}"
        orchestrator.ensure_work_pool(self.pool)
        flow_id = api.post("/flows/", json={"name": flow}).json()["id"]
        body = {"name": "d", "flow_id": flow_id, "work_pool_name": self.pool}
        assert api.post("/deployments/", json=body).is_success
        self.orchestrator = orchestrator
        self.run: RunRef = orchestrator.create_run(f"{flow}/d", {}, "k")
        self.lines: list[str] = []
        self.now = 0.0
        self._waiting = Waiting(orchestrator, self.lines.append, lambda: self.now)

    def look(self, after_s: float, state: RunState | None = None) -> list[str]:
        """What was said new."""
        self.now += after_s
        self.lines.clear()
        self._waiting.look(self.run.id, state or self.orchestrator.run_state(self.run.id))
        return list(self.lines)


@pytest.mark.server
def test_a_run_says_for_what_it_waits_once_and_again_when_that_changes(prefect_api: str, api: httpx.Client) -> None:
    with Orchestrator(prefect_api) as orchestrator:
        told = Told(orchestrator, api)
        page = f"{prefect_api.removesuffix('/api')}/work-pools/work-pool/{told.pool}"
        assert told.look(FIRST_AFTER_S / 2) == [], "a worker needs a moment"

        (line,) = told.look(FIRST_AFTER_S)
        assert line.startswith(f"it waits: no worker is online in work pool {told.pool} ({page})")
        assert told.look(ASK_EVERY_S + 1) == [], "said once"

        assert api.request("PATCH", f"/work_pools/{told.pool}", json={"is_paused": True}).is_success
        assert told.look(ASK_EVERY_S / 2) == [], "not asked every moment"
        assert told.look(ASK_EVERY_S) == [f"it waits: work pool {told.pool} ({page}) is paused; resume it there"]

        assert api.request("PATCH", f"/work_pools/{told.pool}", json={"is_paused": False}).is_success
        assert api.post(f"/work_pools/{told.pool}/workers/heartbeat", json={"name": "a worker"}).is_success
        assert told.look(ASK_EVERY_S + 1) == [], "a worker will come for it"
        assert told.look(ASK_EVERY_S + 1, RunState("RUNNING", "Running", "")) == []
