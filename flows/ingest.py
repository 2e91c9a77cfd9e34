"""Captured images become training data, or go to quarantine with a reason."""

from __future__ import annotations

from prefect import flow

from tasks.agreement import agree_on_settings
from tasks.ingest import find_new_segments, ingest_segments, report_ingest
from tasks.values import IngestCounts


@flow(name="ingest", flow_run_name="ingest: {reason}")
def ingest(reason: str = "schedule") -> IngestCounts:
    """Every segment that was captured and not ingested yet; killed anywhere and run again, it ends the same."""
    agree_on_settings()
    done = [ingest_segments(chunk) for chunk in find_new_segments()]
    counts: IngestCounts = report_ingest(done)
    return counts
