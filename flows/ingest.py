"""Captured images become training data, or go to quarantine with a reason."""

from __future__ import annotations

from prefect import flow
from prefect.states import Completed, State

from deploy.record.intake import IngestCounts
from deploy.wiring import open_world
from tasks.agreement import agree_on_settings
from tasks.claim import claim_trigger, finish_trigger, holding
from tasks.ingest import find_new_segments, ingest_segments, report_ingest
from tasks.plan import name_trigger


@flow(name="ingest", flow_run_name="ingest: {reason}")
def ingest(reason: str = "schedule", key: str | None = None) -> IngestCounts | State[None]:
    """Every segment that was captured and not ingested yet; killed anywhere and run again, it ends the same."""
    world = open_world()
    agree_on_settings(world)
    claimed = claim_trigger(world, name_trigger(world, key, "ingest"), "ingest", reason)
    if claimed.duplicate:
        return Completed(name="Duplicate", message=claimed.told)
    with holding(world, claimed):
        chunks = find_new_segments(world)
        counts: IngestCounts = report_ingest(world, [ingest_segments(world, chunk, chunks) for chunk in chunks])
        finish_trigger(world, claimed, f"{counts.accepted} of {counts.received} images accepted")
    return counts
