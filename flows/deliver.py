"""What a canary's trial cannot read from telemetry: the Fréchet distance of both models' reconstructions, paired."""

from __future__ import annotations

from prefect import flow
from prefect.states import Completed, State

from deploy.record.trials import MeasuredChange
from deploy.wiring import open_world
from tasks.agreement import agree_on_settings
from tasks.claim import claim_trigger, finish_trigger, holding
from tasks.deliver import measure_reconstructions, plan_measurement, record_change


@flow(name="deliver", flow_run_name="deliver: version {version} against {champion}")
def deliver(version: str, champion: str, since: str, look: int = 1, least: int = 0) -> MeasuredChange | State[None]:
    """Measure on the very images that the trial has seen; the judge in the controller decides with it.

    `look`: 1, 2, ... as long as the interval holds the margin. `least`: images that make it worth one.
    """
    world = open_world()
    agree_on_settings(world)
    key = f"deliver-{version}-{champion}-{since}-{look}"
    claimed = claim_trigger(world, key, "deliver", f"version {version} against {champion}, look {look}")
    if claimed.duplicate:
        return Completed(name="Duplicate", message=claimed.told)
    with holding(world, claimed):
        plan = plan_measurement(world, version, champion, since, look, least)
        measured = measure_reconstructions(world, plan)
        record_change(world, plan, measured)
        finish_trigger(world, claimed, f"{measured.value:+.4f}")
    return measured
