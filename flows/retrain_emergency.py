"""The emergency tier: the champion learns a new kind of image from the newest traffic, and replays the old ones."""

from __future__ import annotations

from prefect import flow
from prefect.states import Completed, State

from tasks.agreement import agree_on_settings
from tasks.claim import claim_trigger, finish_trigger, holding
from tasks.evaluate import evaluate_candidate
from tasks.gate import judge_candidate
from tasks.ingest import find_new_segments, ingest_segments, report_ingest
from tasks.label_errors import check_labels
from tasks.plan import name_trigger, plan_retrain, require_snapshot, validate_plan
from tasks.register import register_candidate
from tasks.train import train_candidate
from tasks.values import Cause, Registered


@flow(name="retrain-emergency", flow_run_name="retrain-emergency: {cause}")
def retrain_emergency(
    key: str | None = None, reason: str = "schedule", cause: Cause = "schedule", snapshot: str | None = None
) -> Registered | State[None]:
    """One trigger makes exactly one version, however often this is started for it."""
    agree_on_settings()
    claimed = claim_trigger(name_trigger(key, "retrain-emergency", snapshot), "retrain-emergency", reason)
    if claimed.duplicate:
        return Completed(name="Duplicate", message=claimed.told)
    with holding(claimed):
        require_snapshot(claimed.key, cause, snapshot)
        chunks = find_new_segments()
        report_ingest([ingest_segments(chunk, chunks) for chunk in chunks])
        plan = plan_retrain(claimed.key, "emergency", reason, cause, snapshot)
        validate_plan(plan)
        check_labels(plan)
        trained = train_candidate(plan)
        evaluated = evaluate_candidate(plan, trained)
        verdict = judge_candidate(plan, evaluated)
        registered = register_candidate(plan, trained, evaluated, verdict, claimed)
        finish_trigger(claimed, registered.version)
    return registered
