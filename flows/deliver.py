"""What a canary's trial cannot read from telemetry: the Fréchet distance of both models' reconstructions, paired."""

from __future__ import annotations

from prefect import flow
from prefect.states import Completed, State

from tasks.claim import claim_trigger, finish_trigger, holding
from tasks.deliver import measure_reconstructions, plan_measurement, record_change
from tasks.deliver_values import MeasuredChange


@flow(name="deliver", flow_run_name="deliver: version {version} against {champion}")
def deliver(version: str, champion: str, since: str) -> MeasuredChange | State[None]:
    """Measure on the very images that the trial has seen; the judge in the controller decides with it."""
    claimed = claim_trigger(f"deliver-{version}-{champion}-{since}", "deliver", f"version {version} against {champion}")
    if claimed.duplicate:
        return Completed(name="Duplicate", message=f"{claimed.key} is done, or being done by another run")
    with holding(claimed):
        plan = plan_measurement(version, champion, since)
        measured = measure_reconstructions(plan)
        record_change(plan, measured)
        finish_trigger(claimed, f"{measured.value:+.4f}")
    return measured
