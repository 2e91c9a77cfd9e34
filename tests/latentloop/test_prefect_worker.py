"""The worker that `up` starts: a run begins with the flow engine itself, in the interpreter of the worker."""

from __future__ import annotations

import shlex
import sys
from uuid import uuid4

from prefect.client.schemas.objects import FlowRun
from prefect.utilities.dispatch import lookup_type
from prefect.workers.base import BaseWorker

from latentloop.prefect_worker import AtOnce, Worker


def test_prefects_command_line_starts_this_worker_for_pools_of_type_process() -> None:
    assert lookup_type(BaseWorker, "process") is Worker
    assert Worker.job_configuration is AtOnce


def test_a_run_begins_with_the_engine_in_this_interpreter_and_with_nothing_before_it() -> None:
    prepared = _prepared(AtOnce())

    assert prepared.command is not None
    assert shlex.split(prepared.command) == [sys.executable, "-m", "prefect.engine"]
    assert prepared._command_configured, "for a run without a command Prefect prepares a workspace first"


def test_a_command_of_the_deployments_own_is_kept() -> None:
    assert _prepared(AtOnce(command="nice python -m prefect.engine")).command == "nice python -m prefect.engine"


def _prepared(configuration: AtOnce) -> AtOnce:
    configuration.prepare_for_flow_run(FlowRun(id=uuid4(), flow_id=uuid4(), name="a run"))
    return configuration
