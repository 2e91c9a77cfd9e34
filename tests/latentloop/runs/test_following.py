"""A command beside a real Prefect server and a real ledger: runs that end, that were killed, and that are left."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from deploy.settings import Settings
from deploy.stores.orchestrator import Orchestrator, RunState
from deploy.stores.sql.ledger import CANCELLED_BY_HAND, Ledger
from deploy.wiring import open_database
from latentloop.errors import NothingToDo, RunFailed, RunGoesOn
from latentloop.runs.cancelling import cancel_run
from latentloop.runs.following import Followed, expect_completed, follow
from latentloop.supervisor.lock import hold_home
from tests.latentloop.prefect_runs import create_unclaimed_run
from tests.servers import PatientTransport, free_ports

LEASE_S = 0.2  # of which three are waited for
AGAIN = "`latentloop retrain --tier full` continues it"


@dataclass
class World:
    """A run of a deployment that no worker picks up, the trigger that its flow would claim, and what was said."""

    orchestrator: Orchestrator
    api: httpx.Client
    ledger: Ledger
    settings: Settings
    followed: Followed
    said: list[str]

    def is_(self, type: str) -> None:
        """Prefect shows the run like this."""
        state = {"type": type, "name": type.capitalize(), "message": "why"}
        path = f"/flow_runs/{self.followed.run.id}/set_state"
        assert self.api.post(path, json={"state": state, "force": True}).is_success

    def claim(self, lease_s: float = LEASE_S) -> None:
        self.ledger.claim(self.followed.key, "retrain-full", "", "host:1:a", datetime.now(UTC), lease_s)

    def follow(self, timeout_s: float = 60.0, away_after_s: float = 20.0) -> RunState:
        return follow(
            self.orchestrator, self.ledger, self.followed,
            lease_s=LEASE_S, timeout_s=timeout_s, say=self.said.append, show=self.show,
            away_after_s=away_after_s,
        )  # fmt: skip

    def show(self, state: RunState) -> None:
        self.said.append(state.name)


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


@pytest.mark.server
@pytest.mark.parametrize("claimed", [True, False])
def test_a_run_whose_worker_and_flow_were_killed_ends_the_command_with_one_line(world: World, claimed: bool) -> None:
    world.is_("RUNNING")
    if claimed:
        world.claim()
    with pytest.raises(RunFailed) as caught:
        world.follow()
    line, run = str(caught.value), world.followed.run
    whose = "attempt 1 of host:1:a" if claimed else "nobody claimed its work"
    assert line == (
        f"retrain-full was interrupted ({whose}): no sign of life for 1 s, though Prefect shows it as Running; was its "
        f"worker killed? {AGAIN}. `latentloop cancel {run.id}` takes it off {run.url}"
    )
    assert world.orchestrator.run_state(run.id).type == "RUNNING", "Prefect would show it for ever"


@pytest.mark.server
@pytest.mark.parametrize(("outcome", "type"), [("done", "COMPLETED"), ("failed", "FAILED")])
def test_a_run_that_was_killed_after_its_work_ended_as_the_ledger_says(world: World, outcome: str, type: str) -> None:
    world.is_("RUNNING")
    world.claim()
    world.ledger.finish(world.followed.key, "host:1:a", outcome, "the reason", datetime.now(UTC))  # type: ignore[arg-type]
    state = world.follow()
    assert (state.type, state.message) == (type, "the reason")


@pytest.mark.server
def test_a_run_that_prefect_ended_says_how_and_what_continues_it(world: World) -> None:
    world.is_("CRASHED")
    state = world.follow()
    with pytest.raises(RunFailed) as caught:
        expect_completed(state, world.followed)
    assert str(caught.value) == f"retrain-full ended Crashed: why (see {world.followed.run.url}); {AGAIN}"


@pytest.mark.server
def test_whoever_leaves_is_told_that_the_run_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def press_ctrl_c(world: World, state: RunState) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(World, "show", press_ctrl_c)
    with pytest.raises(RunGoesOn) as caught:
        world.follow()
    run = world.followed.run
    assert str(caught.value) == (
        f"left; retrain-full goes on: see {run.url}, or cancel it with `latentloop cancel {run.id}`"
    )
    assert isinstance(caught.value, KeyboardInterrupt), "the demo takes its installation down, as before"


@pytest.mark.server
def test_a_run_that_is_not_over_in_time_goes_on_and_the_command_says_so(world: World) -> None:
    with pytest.raises(
        RunFailed, match=r"^retrain-full is not over after 1 s and goes on: see http.*`latentloop cancel"
    ):
        world.follow(timeout_s=1)
    assert set(world.said) == {"Scheduled"}


def test_a_server_that_is_away_is_said_once_and_waited_for(world: World) -> None:
    with Orchestrator(f"http://127.0.0.1:{free_ports(1)[0]}/api") as away:
        world.orchestrator = away
        with pytest.raises(RunFailed, match="is not over after 3 s"):
            world.follow(timeout_s=3, away_after_s=1)
    (line,) = world.said
    assert line.endswith(
        "is `prefect server` up?; it is asked again, and how retrain-full stands is not known meanwhile"
    )


def test_an_installation_that_is_taken_down_ends_the_command_and_says_what_continues_the_work(world: World) -> None:
    home = world.settings.home
    with Orchestrator(f"http://127.0.0.1:{free_ports(1)[0]}/api") as away, ExitStack() as up:
        up.enter_context(hold_home(home))
        threading.Timer(2.0, up.close).start()  # the server is away before all is down
        with pytest.raises(RunFailed) as caught:
            follow(
                away, world.ledger, world.followed,
                lease_s=LEASE_S, timeout_s=60, say=world.said.append, show=world.show, home=home,
            )  # fmt: skip
    assert world.said == [], "a server that is away says nothing of the run"
    assert str(caught.value) == f"{home} was taken down, and retrain-full with it: after `latentloop up`, {AGAIN}"


@pytest.mark.server
def test_a_run_that_nobody_started_is_cancelled_and_a_second_time_there_is_nothing_to_cancel(world: World) -> None:
    run = world.followed.run
    assert cancel_run(world.settings, run.id, world.said.append) == f"run {run.id} is cancelled: {run.url}"
    with pytest.raises(NothingToDo, match=f"^run {run.id} is Cancelled already: nothing to cancel"):
        cancel_run(world.settings, run.id, world.said.append)
    unknown = str(uuid.uuid4())
    with pytest.raises(NothingToDo, match=f"^{unknown}: there is no run of that id"):
        cancel_run(world.settings, unknown, world.said.append)


@pytest.mark.server
def test_a_dead_run_is_taken_off_and_one_whose_worker_does_not_answer_is_said_so(world: World) -> None:
    world.is_("RUNNING")
    world.claim(lease_s=3_600)
    with pytest.raises(RunFailed, match="is Cancelling still: is its worker gone"):
        cancel_run(world.settings, world.followed.run.id, world.said.append, ends_within_s=3.0)
    run = world.followed.run.id
    assert re.fullmatch(
        "cancel: [23] s so far, how long it takes here is not known yet; waiting for the worker to end run "
        f"{run}, which is cancelling, given up in about 5 s",
        world.said[0],
    )
    world.ledger.release_claim(world.followed.key, "host:1:a", datetime.now(UTC))
    assert "is cancelled: http" in cancel_run(world.settings, run, world.said.append)
    trigger = world.ledger.get_trigger(world.followed.key)
    assert trigger is not None and (trigger.state, trigger.result) == ("running", CANCELLED_BY_HAND)
