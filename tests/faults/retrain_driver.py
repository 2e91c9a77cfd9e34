"""The full tier in one process, without Prefect: `python -m tests.faults.retrain_driver KEY [POINT:MOMENT]`.

With a point the process ends there at once, as `kill -9` would end it. Exit code 3: somebody else holds the trigger.
"""

import os
import sys

from deploy.stores import faults
from tasks.claim import claim_trigger, finish_trigger, holding
from tasks.evaluate import evaluate_candidate
from tasks.gate import judge_candidate
from tasks.plan import plan_retrain, validate_plan
from tasks.register import register_candidate
from tasks.train import train_candidate


def main(key: str, crash_at: str) -> int:
    def hook(name: str, moment: faults.Moment) -> None:
        if f"{name}:{moment}" == crash_at:
            os._exit(137)

    faults.install(hook)
    claimed = claim_trigger.fn(key, "retrain-full", "test")
    if claimed.duplicate:
        return 3
    with holding(claimed):
        plan = plan_retrain.fn(key, "full", "test")
        validate_plan.fn(plan)
        trained = train_candidate.fn(plan)
        evaluated = evaluate_candidate.fn(plan, trained)
        verdict = judge_candidate.fn(plan, evaluated)
        registered = register_candidate.fn(plan, trained, evaluated, verdict, claimed)
        finish_trigger.fn(claimed, registered.version)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""))
