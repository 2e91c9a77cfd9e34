"""The worker that `up` starts: a run begins with the flow engine itself, in the interpreter of the worker."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import prefect
from prefect.client.schemas.objects import FlowRun
from prefect.utilities.dispatch import lookup_type
from prefect.workers.base import BaseWorker

from latentloop.orchestration.prefect_worker import AtOnce, Worker

ENGINE = [sys.executable, "-m", "prefect.engine"]
ONE_RUN = """
import asyncio, json, sys, psutil
from prefect import flow, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from latentloop.orchestration.prefect_worker import Worker

@flow
def nothing():
    pass

class Begun:
    def started(self, pid):
        self.command = psutil.Process(pid).cmdline()

async def main(pool, begun):
    async with get_client() as client:
        await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        run = await client.create_flow_run(nothing)
        async with Worker(work_pool_name=pool) as worker:
            configuration = await Worker.job_configuration.from_template_and_values(
                worker.work_pool.base_job_template, values={}, client=client
            )
            configuration.prepare_for_flow_run(run)
            await worker.run(run, configuration, task_status=begun)
    print(json.dumps(begun.command))

asyncio.run(main(sys.argv[1], Begun()))
"""


def test_prefects_command_line_starts_this_worker_for_pools_of_type_process() -> None:
    assert lookup_type(BaseWorker, "process") is Worker
    assert Worker.job_configuration is AtOnce


def test_a_run_is_given_the_engine_in_this_interpreter() -> None:
    command = _prepared(AtOnce()).command

    assert command is not None and shlex.split(command) == ENGINE


def test_the_installed_prefect_begins_a_run_with_the_engine_and_with_nothing_before_it(
    prefect_api: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ONE_RUN, f"pool-{uuid4().hex}"],
        env={**os.environ, "PREFECT_API_URL": prefect_api, "PREFECT_HOME": str(tmp_path), "DO_NOT_TRACK": "1"},
        cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    broken = f"Prefect {prefect.__version__} breaks latentloop/orchestration/prefect_worker.py"
    assert done.returncode == 0, f"{broken}: {(done.stderr.splitlines() or ['it said nothing'])[-1]}"
    begun = json.loads(done.stdout.splitlines()[-1])
    assert begun == ENGINE, f"{broken}: a run begins with {shlex.join(begun)} in place of {shlex.join(ENGINE)}"


def test_a_command_of_the_deployments_own_is_kept() -> None:
    assert _prepared(AtOnce(command="nice python -m prefect.engine")).command == "nice python -m prefect.engine"


def _prepared(configuration: AtOnce) -> AtOnce:
    configuration.prepare_for_flow_run(FlowRun(id=uuid4(), flow_id=uuid4(), name="a run"))
    return configuration
