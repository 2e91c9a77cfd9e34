"""Has the world moved? The judges over the newest traffic, the report that shows it, and what is to be done."""

from __future__ import annotations

from prefect import flow
from prefect.states import Completed, State

from deploy.record.drift_lines import DriftLine
from deploy.wiring import open_world
from tasks.agreement import agree_on_settings
from tasks.claim import claim_trigger, finish_trigger, holding
from tasks.monitor import judge_traffic, plan_monitor, record_drift, store_snapshot
from tasks.plan import name_trigger


@flow(name="monitor", flow_run_name="monitor: {key}")
def monitor(key: str | None = None, reason: str = "schedule") -> DriftLine | State[None]:
    """One suspicion is looked into once; the controller acts on the line that this leaves in the ledger."""
    world = open_world()
    agree_on_settings(world)
    claimed = claim_trigger(world, name_trigger(world, key, "monitor"), "monitor", reason)
    if claimed.duplicate:
        return Completed(name="Duplicate", message=claimed.told)
    with holding(world, claimed):
        plan = plan_monitor(world, claimed.key, reason)
        judged = judge_traffic(world, plan)
        snapshot = store_snapshot(world, plan, judged)
        line = record_drift(world, plan, judged, snapshot)
        finish_trigger(world, claimed, line.action)
    return line
