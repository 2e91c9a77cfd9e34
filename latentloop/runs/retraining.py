"""What the command `retrain` does: hand a training to its deployment, follow it, say how the version is approved."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from deploy.delivery.next_step import say_override
from deploy.stores.orchestrator import COMMAND_PATIENCE_S, RunState
from deploy.stores.sql.ledger import CANCELLED_BY_HAND
from deploy.wiring import World
from latentloop.errors import RunFailed
from latentloop.runs.following import Followed, expect_completed, follow
from latentloop.runs.joining import follow_held, is_held
from latentloop.runs.progress import showing_progress
from latentloop.runs.retraining_key import choose_key
from tasks.run.steps import finished_step
from tasks.values import Registered

Say = Callable[[str], None]

RETRAIN_TIMEOUT_S = 7 * 24 * 3_600.0


def retrain_and_wait(world: World, tier: str, again: bool, say: Say) -> Registered:
    """Run the tier's deployment for the catalogue as it is, or continue the run of it that was interrupted."""
    key = choose_key(world, tier, again, datetime.now(UTC))
    in_work = is_held(world.ledger.get_trigger(key))
    if not (in_work and follow_held(world, key, f"retrain-{tier}", _again(tier), say)):
        _do_retraining(world, tier, key, say)
    registered = finished_step(world.objects, key, "registered", Registered)
    if registered is None:
        raise RunFailed(f"retrain-{tier} completed without a version: see {key} in `latentloop open runs`")
    return registered


def _do_retraining(world: World, tier: str, key: str, say: Say) -> None:
    """Begin or continue it; where another command is faster, follow that one's run, and take over what it leaves."""
    while True:
        found = world.ledger.get_trigger(key)
        if found is not None and found.state == "running":
            ended = CANCELLED_BY_HAND if found.result == CANCELLED_BY_HAND else "interrupted"
            say(f"continuing {key}, {ended} after attempt {found.attempt}")
        state, followed = _run_retraining(world, tier, key, say)
        if state.name != "Duplicate":
            expect_completed(state, followed)
            return
        if follow_held(world, key, f"retrain-{tier}", _again(tier), say):
            return


def _run_retraining(world: World, tier: str, key: str, say: Say) -> tuple[RunState, Followed]:
    """One run for this trigger, followed to its end."""
    what, parameters = f"retrain-{tier}", {"key": key, "reason": "by hand", "cause": "by hand"}
    with (
        world.orchestrator(COMMAND_PATIENCE_S, say) as orchestrator,
        showing_progress(world.objects, key, say) as show,
    ):
        run = orchestrator.create_run(f"{what}/{what}", parameters, _once(what))
        say(f"{what} run: {run.url}")
        followed = Followed(run, what, key, _again(tier))
        lease_s = world.settings.controller.lease_s
        state = follow(
            orchestrator,
            world.ledger,
            followed,
            lease_s=lease_s,
            timeout_s=RETRAIN_TIMEOUT_S,
            say=say,
            show=show,
            home=world.settings.home,
        )
    return state, followed


def print_registered(registered: Registered) -> None:
    """The verdict, the page, and the command that approves: the last line is the next thing to do."""
    version = registered.version
    print(f"version {version}: benchmark {registered.benchmark}: {registered.reason}")
    print(f"its page, with pictures: {registered.url}")
    approve = f"`latentloop approve {version}`, or the tag `approval` = `approved` on its page"
    refuse = f"(refuse it: `latentloop reject {version}`)"
    if registered.benchmark == "passed":
        print(f"approve it: {approve} {refuse}")
    else:
        print(f"its gate is against it: a longer training may help; to serve it all the same {say_override(version)},")
        print(f"then {approve} {refuse}")


def _again(tier: str) -> str:
    return f"`latentloop retrain --tier {tier}` continues it"


def _once(what: str) -> str:
    """A person who asks twice wants two runs; the trigger's key in the ledger keeps the work single."""
    return f"by-hand-{what}-{uuid.uuid4().hex}"
