"""Rollback as a task, for whoever starts it from the orchestrator."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from deploy.wiring import release_private_key
from tasks.context import engine, now, objects, owner, settings


@task(cache_policy=NO_CACHE)
def take_back(reason: str) -> str:
    """The version that serves afterwards; NothingToRollBack when there is nothing to go back to."""
    from deploy.record.rollback import Desk, Order, roll_back
    from deploy.stores.sql.ledger import Ledger
    from deploy.stores.sql.release import ReleaseStore

    desk = Desk(
        releases=ReleaseStore(engine()),
        ledger=Ledger(engine()),
        objects=objects(),
        signing_key=release_private_key(settings()),
    )
    # two runs that were asked for together are one order, whenever a worker takes them
    asked_at = flow_run.scheduled_start_time if flow_run.id else None
    return roll_back(desk, Order(who=owner(), how="flow", reason=reason), now, asked_at).serves
