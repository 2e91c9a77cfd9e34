"""The orchestrator: Prefect's HTTP API, without its library. Deployments are named `flow/deployment`."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self
from urllib.parse import quote
from uuid import UUID

import httpx

from deploy.stores.authorities import trusted
from deploy.stores.errors import ObjectMissing, StoreError, StoreRefused, StoreUnavailable
from deploy.stores.faults import register

RUN = register("orchestrator.create_run", "a flow run, once per idempotency key")
CANCEL = register("orchestrator.cancel_run", "the wish that a flow run ends")
EVENT = register("orchestrator.emit_event", "an event, delivered at least once")
POOL = register("orchestrator.work_pool", "a work pool")

StateType = Literal[
    "SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED"
]
_FINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "CRASHED"})
_TAKES_A_PLACE = ["PENDING", "RUNNING", "CANCELLING"]  # of a pool's concurrency limit
_PAGE = 200
# A server on SQLite answers 503 while its database is locked; every request here may be repeated.
_BUSY_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
_GONE_PAUSE_S = 2.0  # a server takes ten seconds and more to start
COMMAND_PATIENCE_S = 120.0  # of whoever gave a command and is told meanwhile; a controller has other things to do


@dataclass(frozen=True, slots=True)
class RunRef:
    """A flow run and its page in Prefect's UI."""

    id: str
    url: str


@dataclass(frozen=True, slots=True)
class RunState:
    """Where a run stands; `name` may say more than the type (`Duplicate`, `Late`)."""

    type: StateType
    name: str
    message: str

    @property
    def finished(self) -> bool:
        """No more changes will come by themselves."""
        return self.type in _FINAL


@dataclass(frozen=True, slots=True)
class WorkPool:
    """A work pool as a run that waits in it sees it: `limit` None is none; `url` is its page in Prefect's UI."""

    name: str
    paused: bool
    limit: int | None
    running: int
    workers_online: int
    url: str


@dataclass(frozen=True, slots=True)
class DeploymentRef:
    """A deployment as `flow/deployment`, with the pool that it runs in."""

    id: str
    name: str
    work_pool: str | None
    paused: bool


class Orchestrator:
    """A Prefect server at `api_url` (ends in `/api`); `auth` is `user:password` where it wants one.

    A server that takes a question and says nothing for `timeout_s` seconds is asked again, for `patience_s` seconds in
    all: a machine with too much to do is slow and not down. So is one that had answered and is gone: whoever looks
    after it starts it again. `say` hears of both.
    """

    def __init__(
        self,
        api_url: str,
        *,
        auth: str | None = None,
        timeout_s: float = 30.0,
        patience_s: float = 0.0,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._api_url = api_url.rstrip("/")
        self._patience_s, self._say = patience_s, say
        self._has_answered = False
        user, _, password = (auth or "").partition(":")
        self._client = httpx.Client(
            timeout=timeout_s,
            auth=(user, password) if auth else None,
            transport=httpx.HTTPTransport(verify=trusted(), retries=1),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ready(self) -> bool:
        """Ask whether the server and its database answer."""
        try:
            self._ask("GET", "/ready")
        except StoreError:
            return False
        return True

    def ensure_work_pool(self, name: str, type: str = "process") -> None:
        """Create the pool unless it is there; StoreRefused when it is there with another type."""
        try:
            with POOL:
                self._ask("POST", "/work_pools/", {"name": name, "type": type})
        except _Conflict:
            there = self._ask("GET", f"/work_pools/{quote(name, safe='')}")["type"]
            if there != type:
                raise StoreRefused(
                    f"Prefect work pool {name}: expected type {type}, found {there}; delete or rename it"
                ) from None

    def online_workers(self, pool: str) -> dict[str, datetime]:
        """Last heartbeats of the workers that the server holds to be online; ObjectMissing: no such pool."""
        found = self._ask("POST", f"/work_pools/{quote(pool, safe='')}/workers/filter", {})
        return {
            each["name"]: datetime.fromisoformat(each["last_heartbeat_time"])
            for each in found
            if each["status"] == "ONLINE"
        }

    def create_run(self, deployment: str, parameters: Mapping[str, Any], idempotency_key: str) -> RunRef:
        """Start a run; the same key gives the same run, however often it is asked for.

        ObjectMissing: no such deployment. StoreRefused: the parameters do not fit the flow's signature.
        """
        flow, _, name = deployment.partition("/")
        found = self._ask("GET", f"/deployments/name/{quote(flow, safe='')}/{quote(name, safe='')}")
        body = {"parameters": dict(parameters), "idempotency_key": idempotency_key}
        with RUN:
            run = self._ask("POST", f"/deployments/{found['id']}/create_flow_run", body)
        return RunRef(id=run["id"], url=self.run_url(run["id"]))

    def run_url(self, id: str) -> str:
        """A run's page in Prefect's UI."""
        return f"{self._api_url.removesuffix('/api')}/runs/flow-run/{id}"

    def find_running(self, key: str) -> RunRef | None:
        """The run that was told this trigger's key and began last, of those that are running; None: there is none."""
        wanted = {"flow_runs": {"state": {"type": {"any_": ["RUNNING", "CANCELLING"]}}}}
        found = self._ask("POST", "/flow_runs/filter", {**wanted, "sort": "START_TIME_DESC", "limit": _PAGE})
        ids = [each["id"] for each in found if each["parameters"].get("key") == key]
        return RunRef(id=ids[0], url=self.run_url(ids[0])) if ids else None

    def run_parameters(self, id: str) -> Mapping[str, Any]:
        """Read what a run was told; ObjectMissing when there is no such run."""
        found: Mapping[str, Any] = self._ask("GET", f"/flow_runs/{quote(id, safe='')}")["parameters"]
        return found

    def cancel_run(self, id: str, *, dead: bool = False) -> RunState:
        """Ask that a run ends; a run that nobody has started yet is cancelled at once, others by their worker.

        `dead`: nobody works on it, so that no worker would answer. ObjectMissing: no such run. A finished run stays as
        it is. Returns the state that it has then.
        """
        if (state := self.run_state(id)).finished:
            return state
        wanted = "CANCELLED" if dead else "CANCELLING"
        state_body = {"type": wanted, "name": wanted.capitalize(), "message": "asked for by hand"}
        body = {"state": state_body, "force": dead}
        with CANCEL:
            self._ask("POST", f"/flow_runs/{quote(id, safe='')}/set_state", body)
        return self.run_state(id)

    def pool_of(self, id: str) -> WorkPool | None:
        """The work pool that a run waits for; None for a run without one."""
        name = self._ask("GET", f"/flow_runs/{quote(id, safe='')}").get("work_pool_name")
        if name is None:
            return None
        path = f"/work_pools/{quote(name, safe='')}"
        found, workers = self._ask("GET", path), self._ask("POST", f"{path}/workers/filter", {})
        taken = {"work_pools": {"name": {"any_": [name]}}, "flow_runs": {"state": {"type": {"any_": _TAKES_A_PLACE}}}}
        return WorkPool(
            name=name,
            paused=bool(found["is_paused"]),
            limit=found.get("concurrency_limit"),
            running=int(self._ask("POST", "/flow_runs/count", taken)),
            workers_online=sum(each["status"] == "ONLINE" for each in workers),
            url=f"{self._api_url.removesuffix('/api')}/work-pools/work-pool/{quote(name, safe='')}",
        )

    def emit_event(
        self, event: str, *, resource: str, payload: Mapping[str, Any], event_id: UUID, occurred: datetime
    ) -> None:
        """Tell the server that something happened to a resource; deployments with a trigger for it start.

        A repeat with the same id is one more delivery: who acts on it must claim the work that it names.
        """
        body = {
            "id": str(event_id),
            "event": event,
            "occurred": occurred.isoformat(),
            "resource": {"prefect.resource.id": resource},
            "payload": dict(payload),
        }
        with EVENT:
            self._ask("POST", "/events", [body])

    def run_state(self, id: str) -> RunState:
        """Read where a run stands; ObjectMissing when there is no such run."""
        state = self._ask("GET", f"/flow_runs/{quote(id, safe='')}")["state"] or {}
        return RunState(
            type=state.get("type", "PENDING"), name=state.get("name", ""), message=state.get("message") or ""
        )

    def wait(
        self,
        id: str,
        timeout_s: float,
        poll_s: float = 1.0,
        on_change: Callable[[RunState], None] | None = None,
    ) -> RunState:
        """Wait for the end of a run; the last state seen when the time is over (then not `finished`).

        A server that is away for a while is waited for; StoreUnavailable when it is away at the end.
        """
        deadline = time.monotonic() + timeout_s
        last: RunState | None = None
        while True:
            over = time.monotonic() >= deadline
            try:
                state = self.run_state(id)
            except StoreUnavailable:
                if over:
                    raise
            else:
                if state != last and on_change is not None:
                    on_change(state)
                last = state
                if over or state.finished:
                    return state
            time.sleep(min(poll_s, max(0.0, deadline - time.monotonic())))

    def deployments(self) -> list[DeploymentRef]:
        """List all deployments, by name."""
        flows = {flow["id"]: flow["name"] for flow in self._pages("/flows/filter")}
        found = [
            DeploymentRef(
                id=each["id"],
                name=f"{flows.get(each['flow_id'], '?')}/{each['name']}",
                work_pool=each.get("work_pool_name"),
                paused=bool(each.get("paused")),
            )
            for each in self._pages("/deployments/filter")
        ]
        return sorted(found, key=lambda each: each.name)

    def _pages(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self._ask("POST", path, {"limit": _PAGE, "offset": len(found)})
            found.extend(page)
            if len(page) < _PAGE:
                return found

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | Sequence[Any] | None = None) -> Any:
        where = f"Prefect at {self._api_url}{path}"
        try:
            answer = self._request(method, path, body)
            for pause_s in _BUSY_PAUSES_S:
                if answer.status_code not in (429, 503):
                    break
                time.sleep(pause_s)
                answer = self._request(method, path, body)
            if answer.is_success:
                return answer.json() if answer.content else None
        except (httpx.TransportError, httpx.InvalidURL, ValueError) as error:
            raise StoreUnavailable(f"{where}: does not answer ({error}); is `prefect server` up?") from error
        said = f"{answer.status_code} {answer.text[:300]}"
        if answer.status_code in (401, 403):
            raise StoreRefused(
                f"{where}: refused ({answer.status_code}): it asks for `user:password` and was given "
                f"{'another' if self._client.auth else 'none'}; set LATENTLOOP_PREFECT_AUTH"
            )
        if answer.status_code == 404:
            raise ObjectMissing(f"{where}: there is none of that name ({said}); correct it or deploy it")
        if answer.status_code == 409:
            raise _Conflict(f"{where}: refused ({said}); correct the request")
        if answer.status_code >= 500 or answer.status_code == 429:
            raise StoreUnavailable(f"{where}: answered {said}; try again later")
        raise StoreRefused(f"{where}: refused ({said}); correct the request")

    def _request(self, method: str, path: str, body: Mapping[str, Any] | Sequence[Any] | None) -> httpx.Response:
        began, is_told = time.monotonic(), False
        while True:
            try:
                answer = self._client.request(method, self._api_url + path, json=body)
            except httpx.TransportError as error:
                silent_s = time.monotonic() - began
                is_busy = isinstance(error, httpx.TimeoutException)
                if silent_s >= self._patience_s or not (is_busy or self._has_answered):
                    raise
                if is_busy:
                    self._tell(f"Prefect has not answered for {silent_s:.0f} s, it may be busy: it is asked again")
                    continue
                if not is_told:
                    self._tell("Prefect is gone, it may be starting again: it is asked again")
                    is_told = True
                time.sleep(_GONE_PAUSE_S)
            else:
                self._has_answered = True
                return answer

    def _tell(self, line: str) -> None:
        if self._say is not None:
            self._say(line)


class _Conflict(StoreRefused):
    """409: something of that name is there, or the parameters do not fit."""
