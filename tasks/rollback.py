"""Rollback as a task, for whoever starts it from the orchestrator."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from deploy.wiring import World, release_private_key


@task(cache_policy=NO_CACHE)
def take_back(world: World, reason: str) -> str:
    """The version that serves afterwards; NothingToRollBack when there is nothing to go back to."""
    from deploy.record.rollback import Desk, Order, roll_back

    desk = Desk(
        releases=world.releases,
        ledger=world.ledger,
        objects=world.objects,
        signing_key=release_private_key(world.settings),
    )
    # two runs that were asked for together are one order, whenever a worker takes them
    asked_at = flow_run.scheduled_start_time if flow_run.id else None
    return roll_back(desk, Order(who=world.owner, how="flow", reason=reason), world.now, asked_at).serves
