"""A flow only tells: what a worker imports to begin a run is small, whatever its tasks load later."""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import flows
from latentloop.orchestration.deployments import declared_deployments

HEAVY = ("torch", "mlflow", "boto3", "great_expectations", "evidently")
MODULES = sorted(each.name for each in pkgutil.iter_modules(flows.__path__, "flows."))


def test_every_flow_that_is_deployed_is_a_module_that_is_looked_at() -> None:
    assert {each.entrypoint.rpartition(".")[0] for each in declared_deployments()} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_importing_a_flow_loads_no_computing_or_storage_library(module: str, tmp_path: Path) -> None:
    code = f"import json, sys, {module}\nprint(json.dumps(sorted(set(sys.modules) & set({HEAVY!r}))))"

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PREFECT_HOME": str(tmp_path)},
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
