"""A command beside a real Prefect server and a real ledger: runs that end, that were killed, and that are left."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from deploy.stores.orchestrator import Orchestrator, RunState
from latentloop.errors import RunFailed, RunGoesOn
from latentloop.runs.following import expect_completed, follow
from latentloop.supervisor.lock import hold_home
from tests.latentloop.runs.world import AGAIN, LEASE_S, World
from tests.servers import free_ports


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
def test_whoever_leaves_is_told_that_the_run_goes_on(world: World) -> None:
    def press_ctrl_c(state: RunState) -> None:
        raise KeyboardInterrupt

    with pytest.raises(RunGoesOn) as caught:
        world.follow(show=press_ctrl_c)
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
