"""The full tier: a new model from scratch on the whole catalogue, up to the version that a person can approve."""

from __future__ import annotations

from prefect import flow
from prefect.states import Completed, State

from tasks.claim import claim_trigger, finish_trigger, holding
from tasks.evaluate import evaluate_candidate
from tasks.gate import judge_candidate
from tasks.plan import name_trigger, plan_retrain, validate_plan
from tasks.register import register_candidate
from tasks.train import train_candidate
from tasks.values import Registered


@flow(name="retrain-full", flow_run_name="retrain-full: {reason}")
def retrain_full(key: str | None = None, reason: str = "schedule") -> Registered | State[None]:
    """One trigger makes exactly one version, however often this is started for it."""
    claimed = claim_trigger(name_trigger(key, "retrain-full"), "retrain-full", reason)
    if claimed.duplicate:
        return Completed(name="Duplicate", message=f"{claimed.key} is done, or being done by another run")
    with holding(claimed):
        plan = plan_retrain(claimed.key, "full", reason)
        validate_plan(plan)
        trained = train_candidate(plan)
        evaluated = evaluate_candidate(plan, trained)
        verdict = judge_candidate(plan, evaluated)
        registered = register_candidate(plan, trained, evaluated, verdict, claimed)
        finish_trigger(claimed, registered.version)
    return registered
