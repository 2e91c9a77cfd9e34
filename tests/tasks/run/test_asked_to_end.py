"""Why a process was told to end: Prefect says whether a person cancelled its run, and where it is away nobody did."""

from __future__ import annotations

import signal
import uuid

import httpx
import pytest
from prefect.exceptions import TerminationSignal
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from deploy.stores.sql.ledger import CANCELLED_BY_HAND
from tasks.claim import claim_trigger, holding
from tests.servers import GuardedPrefect, PatientTransport, free_ports
from tests.tasks.opened import forget, opened

pytestmark = pytest.mark.usefixtures("configure")


@pytest.mark.server
@pytest.mark.parametrize(
    ("type", "reason"), [("CANCELLING", CANCELLED_BY_HAND), ("CANCELLED", CANCELLED_BY_HAND), ("RUNNING", None)]
)
@pytest.mark.parametrize("error", [TerminationSignal(signal.SIGTERM), KeyboardInterrupt()])
def test_a_process_that_is_told_to_end_was_cancelled_where_a_person_asked_for_it_and_else_interrupted(
    guarded_prefect: GuardedPrefect,
    monkeypatch: pytest.MonkeyPatch,
    type: str,
    reason: str | None,
    error: BaseException,
) -> None:
    run = _a_run(guarded_prefect, type)
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", run)  # as its worker tells it
    claimed = claim_trigger.fn(opened(), "one", "retrain-full", "test")
    told = {PREFECT_API_URL: guarded_prefect.api_url, PREFECT_API_AUTH_STRING: guarded_prefect.word}
    with temporary_settings(told), pytest.raises(BaseException) as caught, holding(opened(), claimed):
        raise error
    assert caught.value is error
    trigger = opened().ledger.get_trigger("one")
    assert trigger is not None
    assert (trigger.state, trigger.result) == ("running", reason)
    forget()
    assert claim_trigger.fn(opened(), "one", "retrain-full", "test").outcome == "resumed", (
        "the same may be asked for again"
    )


def _a_run(prefect: GuardedPrefect, type: str) -> str:
    """A flow run that Prefect shows in this state."""
    user, _, password = prefect.word.partition(":")
    transport = PatientTransport()
    with httpx.Client(base_url=prefect.api_url, auth=(user, password), timeout=30, transport=transport) as api:
        flow = api.post("/flows/", json={"name": f"flow-{uuid.uuid4().hex}"}).json()["id"]
        body = {"flow_id": flow, "state": {"type": "RUNNING", "name": "Running"}}
        run = api.post("/flow_runs/", json=body).json()["id"]
        state = {"state": {"type": type, "name": type.capitalize()}, "force": True}
        assert api.post(f"/flow_runs/{run}/set_state", json=state).is_success
    return str(run)


def test_a_process_that_is_told_to_end_while_prefect_is_away_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", str(uuid.uuid4()))
    claimed = claim_trigger.fn(opened(), "one", "retrain-full", "test")
    away = f"http://127.0.0.1:{free_ports(1)[0]}/api"
    with (
        temporary_settings({PREFECT_API_URL: away}),
        pytest.raises(TerminationSignal),
        holding(opened(), claimed),
    ):
        raise TerminationSignal(signal.SIGTERM)
    trigger = opened().ledger.get_trigger("one")
    assert trigger is not None
    assert (trigger.state, trigger.result) == ("running", None)
