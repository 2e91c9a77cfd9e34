"""The incremental tier: the champion's decoder learns on from the newest images; its codes stay as they are."""

from __future__ import annotations

from prefect import flow
from prefect.states import Completed, State

from deploy.wiring import open_world
from tasks.agreement import agree_on_settings
from tasks.claim import claim_trigger, finish_trigger, holding
from tasks.evaluate import evaluate_candidate
from tasks.gate import judge_candidate
from tasks.ingest import find_new_segments, ingest_segments, report_ingest
from tasks.label_errors import check_labels
from tasks.plan import name_trigger, plan_retrain, require_snapshot, validate_plan
from tasks.register import register_candidate
from tasks.scheduled import find_nothing_new
from tasks.train import train_candidate
from tasks.values import Cause, Registered


@flow(name="retrain-incremental", flow_run_name="retrain-incremental: {cause}")
def retrain_incremental(
    key: str | None = None, reason: str = "schedule", cause: Cause = "schedule", snapshot: str | None = None
) -> Registered | State[None]:
    """One trigger makes exactly one version, however often this is started for it."""
    world = open_world()
    agree_on_settings(world)
    claimed = claim_trigger(
        world, name_trigger(world, key, "retrain-incremental", snapshot), "retrain-incremental", reason
    )
    if claimed.duplicate:
        return Completed(name="Duplicate", message=claimed.told)
    with holding(world, claimed):
        require_snapshot(world, claimed.key, cause, snapshot)
        chunks = find_new_segments(world)
        report_ingest(world, [ingest_segments(world, chunk, chunks) for chunk in chunks])
        if (told := find_nothing_new(world, claimed, "incremental")) is not None:
            return Completed(name="NothingNew", message=told)
        plan = plan_retrain(world, claimed.key, "incremental", reason, cause, snapshot)
        validate_plan(world, plan)
        check_labels(world, plan)
        trained = train_candidate(world, plan)
        evaluated = evaluate_candidate(world, plan, trained)
        verdict = judge_candidate(world, plan, evaluated)
        registered = register_candidate(world, plan, trained, evaluated, verdict, claimed)
        finish_trigger(world, claimed, registered.version)
    return registered
