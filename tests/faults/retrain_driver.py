"""The full tier without Prefect, as often as it is asked for: `python -m tests.faults.retrain_driver KEY`.

Each line of stdin is one run, in a child of its own: empty, or POINT:MOMENT, where it ends at once, as `kill -9` would
end it. Says the child's pid, then how it ended; exit code 3: somebody else holds the trigger. Everything heavy is
imported once and nothing is opened here, so every child forks from a clean process.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback

from deploy.stores import faults
from tasks.claim import claim_trigger, finish_trigger, holding
from tasks.evaluate import evaluate_candidate
from tasks.gate import judge_candidate
from tasks.plan import plan_retrain, validate_plan
from tasks.register import register_candidate
from tasks.train import train_candidate
from tests.tasks.opened import opened

# what a retraining would import in its functions
for _name in ("great_expectations", "pandas", "deltalake", "mlflow", "torch", "matplotlib.figure", "scipy.linalg",
              "alembic.command", "alembic.config", "data_checks.table.suite", "deploy.stores.objects.local",
              "deploy.stores.mlflow.registry", "vae_core.evaluation.benchmark", "vae_core.training.run"):  # fmt: skip
    importlib.import_module(_name)


def main(key: str) -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _end_with(key, line.strip())
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _end_with(key: str, crash_at: str) -> None:
    code = 1
    try:
        code = _retrain(key, crash_at)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)  # a child must not run the driver's exit handlers


def _retrain(key: str, crash_at: str) -> int:
    def hook(name: str, moment: faults.Moment) -> None:
        if f"{name}:{moment}" == crash_at:
            os._exit(137)

    faults.install(hook)
    claimed = claim_trigger.fn(opened(), key, "retrain-full", "test")
    if claimed.duplicate:
        return 3
    with holding(opened(), claimed):
        plan = plan_retrain.fn(opened(), key, "full", "test")
        validate_plan.fn(opened(), plan)
        trained = train_candidate.fn(opened(), plan)
        evaluated = evaluate_candidate.fn(opened(), plan, trained)
        verdict = judge_candidate.fn(opened(), plan, evaluated)
        registered = register_candidate.fn(opened(), plan, trained, evaluated, verdict, claimed)
        finish_trigger.fn(opened(), claimed, registered.version)
    return 0


if __name__ == "__main__":
    main(sys.argv[1])
