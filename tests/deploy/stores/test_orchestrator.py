"""Prefect's HTTP API as a real server speaks it."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from deploy.stores.errors import ObjectMissing, StoreRefused, StoreUnavailable
from deploy.stores.orchestrator import Orchestrator, RunRef, RunState
from tests.servers import PatientTransport, free_ports


@pytest.fixture(scope="module")
def orchestrator(prefect_api: str) -> Iterator[Orchestrator]:
    with Orchestrator(prefect_api) as orchestrator:
        yield orchestrator


@pytest.fixture(scope="module")
def api(prefect_api: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=prefect_api, timeout=120, transport=PatientTransport()) as client:
        yield client


@pytest.fixture(scope="module")
def deployment(orchestrator: Orchestrator, api: httpx.Client) -> str:
    """Make a deployment that no worker picks up, so that the tests say where its runs stand."""
    pool, flow = f"pool-{uuid.uuid4().hex}", f"flow-{uuid.uuid4().hex}"
    orchestrator.ensure_work_pool(pool)
    flow_id = api.post("/flows/", json={"name": flow}).json()["id"]
    schema = {"type": "object", "properties": {"tier": {"type": "string"}}, "required": ["tier"]}
    body = {"name": "full", "flow_id": flow_id, "work_pool_name": pool, "parameter_openapi_schema": schema}
    assert api.post("/deployments/", json=body).is_success
    return f"{flow}/full"


def _set_state(api: httpx.Client, run_id: str, type: str, name: str) -> None:
    body = {"state": {"type": type, "name": name, "message": "why"}, "force": True}
    assert api.post(f"/flow_runs/{run_id}/set_state", json=body).is_success


@pytest.mark.server
def test_a_server_that_answers_is_ready(orchestrator: Orchestrator) -> None:
    assert orchestrator.ready()


@pytest.mark.server
def test_a_worker_is_online_by_its_heartbeat_and_when_that_came_is_told(
    orchestrator: Orchestrator, api: httpx.Client
) -> None:
    pool, began = f"pool-{uuid.uuid4().hex}", datetime.now(UTC)
    orchestrator.ensure_work_pool(pool)
    assert orchestrator.online_workers(pool) == {}
    body = {"name": "here", "heartbeat_interval_seconds": 3600}
    assert api.post(f"/work_pools/{pool}/workers/heartbeat", json=body).is_success

    found = orchestrator.online_workers(pool)

    assert list(found) == ["here"] and began <= found["here"] <= datetime.now(UTC)
    with pytest.raises(ObjectMissing):
        orchestrator.online_workers(f"{pool}-x")


@pytest.mark.server
def test_a_work_pool_is_made_once_and_its_type_is_kept(orchestrator: Orchestrator) -> None:
    orchestrator.ensure_work_pool("cpu/with spaces".replace("/", "-"))
    orchestrator.ensure_work_pool("cpu-with spaces")
    with pytest.raises(StoreRefused, match="expected type docker, found process"):
        orchestrator.ensure_work_pool("cpu-with spaces", "docker")


@pytest.mark.server
def test_a_deployment_is_listed_with_its_pool(orchestrator: Orchestrator, deployment: str) -> None:
    (found,) = [each for each in orchestrator.deployments() if each.name == deployment]
    assert found.work_pool is not None and found.work_pool.startswith("pool-")
    assert not found.paused


@pytest.mark.server
def test_one_idempotency_key_makes_one_run(orchestrator: Orchestrator, deployment: str, prefect_api: str) -> None:
    first = orchestrator.create_run(deployment, {"tier": "full"}, "key-1")
    assert orchestrator.create_run(deployment, {"tier": "full"}, "key-1") == first
    assert orchestrator.create_run(deployment, {"tier": "full"}, "key-2") != first
    assert first.url == f"{prefect_api.removesuffix('/api')}/runs/flow-run/{first.id}"
    assert orchestrator.run_state(first.id).type == "SCHEDULED"


@pytest.mark.server
def test_waiting_ends_with_the_run_and_tells_every_change(
    orchestrator: Orchestrator, deployment: str, api: httpx.Client
) -> None:
    run = orchestrator.create_run(deployment, {"tier": "full"}, "key-3")
    seen: list[RunState] = []

    def go_on(state: RunState) -> None:
        seen.append(state)
        following = {"SCHEDULED": ("RUNNING", "Running"), "RUNNING": ("COMPLETED", "Duplicate")}
        if state.type in following:
            _set_state(api, run.id, *following[state.type])

    end = orchestrator.wait(run.id, timeout_s=240, poll_s=0.01, on_change=go_on)
    assert [state.type for state in seen] == ["SCHEDULED", "RUNNING", "COMPLETED"]
    assert end == RunState("COMPLETED", "Duplicate", "why") and end.finished


@pytest.mark.server
def test_waiting_too_long_gives_the_last_state(orchestrator: Orchestrator, deployment: str) -> None:
    run = orchestrator.create_run(deployment, {"tier": "full"}, "key-4")
    end = orchestrator.wait(run.id, timeout_s=0.05, poll_s=0.01)
    assert end.type == "SCHEDULED" and not end.finished


@pytest.mark.server
def test_an_event_arrives_with_its_payload(orchestrator: Orchestrator, api: httpx.Client) -> None:
    name, id = f"latentloop.test.{uuid.uuid4().hex}", uuid.uuid4()
    payload = {"snapshot": "s1", "failed": ["latent_code"]}
    orchestrator.emit_event(
        name, resource="latentloop.model.fashion", payload=payload, event_id=id, occurred=datetime.now(UTC)
    )

    deadline = time.monotonic() + 240
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < deadline:  # the server writes events in the background
        found = api.post("/events/filter", json={"filter": {"event": {"name": [name]}}}).json()["events"]
        time.sleep(0.2)

    (event,) = found
    assert (event["id"], event["payload"]) == (str(id), payload)


@pytest.mark.server
def test_what_is_not_there_is_missing(orchestrator: Orchestrator, deployment: str) -> None:
    for name in ("none/none", "none", f"{deployment}/x", ""):
        with pytest.raises(ObjectMissing, match="deploy it"):
            orchestrator.create_run(name, {}, "key")
    for run in (str(uuid.uuid4()), "nonsense", "../deployments"):
        with pytest.raises(ObjectMissing):
            orchestrator.run_state(run)


@pytest.mark.server
def test_parameters_that_do_not_fit_are_refused(orchestrator: Orchestrator, deployment: str) -> None:
    with pytest.raises(StoreRefused, match="tier"):
        orchestrator.create_run(deployment, {"tier": 3}, "key-5")


@pytest.fixture
def waiting(orchestrator: Orchestrator, deployment: str) -> RunRef:
    """A run that no worker has picked up."""
    return orchestrator.create_run(deployment, {"tier": "full"}, f"waiting-{uuid.uuid4().hex}")


@pytest.mark.server
def test_the_pool_that_a_run_waits_in_is_known_with_what_holds_it_up(
    orchestrator: Orchestrator, waiting: RunRef, api: httpx.Client, prefect_api: str
) -> None:
    pool = orchestrator.pool_of(waiting.id)
    assert pool is not None
    assert (pool.paused, pool.limit, pool.running, pool.workers_online) == (False, None, 0, 0)
    assert pool.url == f"{prefect_api.removesuffix('/api')}/work-pools/work-pool/{pool.name}"

    assert api.patch(f"/work_pools/{pool.name}", json={"is_paused": True, "concurrency_limit": 1}).is_success
    assert api.post(f"/work_pools/{pool.name}/workers/heartbeat", json={"name": "a worker"}).is_success
    _set_state(
        api, orchestrator.create_run(_full_name(orchestrator, waiting), {"tier": "full"}, "r").id, "RUNNING", "R"
    )

    held = orchestrator.pool_of(waiting.id)
    assert held is not None
    assert (held.paused, held.limit, held.running, held.workers_online) == (True, 1, 1, 1)
    assert api.patch(f"/work_pools/{pool.name}", json={"is_paused": False}).is_success


def _full_name(orchestrator: Orchestrator, run: RunRef) -> str:
    """The deployment of a run, by the pool that both have."""
    pool = orchestrator.pool_of(run.id)
    assert pool is not None
    return next(each.name for each in orchestrator.deployments() if each.work_pool == pool.name)


@pytest.mark.server
def test_a_run_that_nobody_started_is_cancelled_at_once_and_stays_so(
    orchestrator: Orchestrator, waiting: RunRef
) -> None:
    state = orchestrator.cancel_run(waiting.id)
    assert state.type == "CANCELLED"
    assert orchestrator.cancel_run(waiting.id) == state == orchestrator.run_state(waiting.id)


@pytest.mark.server
def test_a_run_that_a_worker_holds_is_asked_to_end_and_one_that_nobody_holds_is_taken_off(
    orchestrator: Orchestrator, waiting: RunRef, api: httpx.Client
) -> None:
    _set_state(api, waiting.id, "RUNNING", "Running")
    assert orchestrator.cancel_run(waiting.id).type == "CANCELLING"
    assert orchestrator.cancel_run(waiting.id, dead=True).type == "CANCELLED"
    assert orchestrator.run_parameters(waiting.id) == {"tier": "full"}


@pytest.mark.server
def test_a_run_that_is_not_there_cannot_be_cancelled(orchestrator: Orchestrator) -> None:
    with pytest.raises(ObjectMissing):
        orchestrator.cancel_run(str(uuid.uuid4()))


def test_a_server_that_is_away_is_unavailable_and_not_ready() -> None:
    with Orchestrator(f"http://127.0.0.1:{free_ports(1)[0]}/api") as orchestrator:
        assert not orchestrator.ready()
        with pytest.raises(StoreUnavailable, match="is `prefect server` up"):
            orchestrator.run_state("x")
        with pytest.raises(StoreUnavailable):
            orchestrator.wait("x", timeout_s=0.05, poll_s=0.01)


def test_a_server_that_is_busy_for_a_moment_is_asked_again() -> None:
    answers = [503, 429, 200]

    class Busy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers.pop(0))
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"true")

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Orchestrator(f"http://127.0.0.1:{server.server_port}/api") as orchestrator:
            assert orchestrator.ready()
        server.shutdown()
    assert answers == []


@pytest.fixture
def silent_at_first() -> Iterator[str]:
    """A server that takes a question and answers it only when it comes again."""
    asked, over = threading.Event(), threading.Event()

    class Silent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not asked.is_set():
                asked.set()
                over.wait(60)
                return
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"true")

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        over.set()
        server.shutdown()


def test_a_silent_server_is_asked_again_by_whoever_has_patience_and_that_is_said(silent_at_first: str) -> None:
    said: list[str] = []
    with Orchestrator(silent_at_first, timeout_s=2.0, patience_s=600.0, say=said.append) as orchestrator:
        assert orchestrator.ready()
    assert [re.sub(r"\d+ s", "N s", each) for each in said] == [
        "Prefect has not answered for N s, it may be busy: it is asked again"
    ]


def test_a_silent_server_is_away_for_whoever_has_none(silent_at_first: str) -> None:
    with Orchestrator(silent_at_first, timeout_s=0.5) as orchestrator:
        assert not orchestrator.ready()


class _Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"true")

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@contextmanager
def _server(port: int) -> Iterator[int]:
    with HTTPServer(("127.0.0.1", port), _Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_server_that_is_started_again_is_waited_for_by_whoever_it_has_answered() -> None:
    said: list[str] = []
    with _server(0) as port:
        orchestrator = Orchestrator(f"http://127.0.0.1:{port}/api", patience_s=600.0, say=said.append)
        assert orchestrator.ready()
    found: list[bool] = []
    asking = threading.Thread(target=lambda: found.append(orchestrator.ready()))
    asking.start()
    while not said:
        time.sleep(0.01)
    with _server(port):
        asking.join()
    orchestrator.close()

    assert found == [True]
    assert said == ["Prefect is gone, it may be starting again: it is asked again"]


@pytest.mark.parametrize("patience_s", [0.0, 600.0])
def test_a_server_that_never_answered_is_away_at_once(patience_s: float) -> None:
    (port,) = free_ports(1)
    said: list[str] = []
    with Orchestrator(f"http://127.0.0.1:{port}/api", patience_s=patience_s, say=said.append) as orchestrator:
        assert not orchestrator.ready()
    assert said == []
