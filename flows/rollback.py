"""Back to the version before: the same function that the command line uses without any server."""

from __future__ import annotations

from prefect import flow

from deploy.wiring import open_world
from tasks.agreement import agree_on_settings
from tasks.rollback import take_back


@flow(name="rollback", flow_run_name="rollback: {reason}")
def rollback(reason: str) -> str:
    """Take back what serves (a canary first, where one is tried); the answer names the version that serves now."""
    world = open_world()
    agree_on_settings(world)
    serves: str = take_back(world, reason)
    return serves
