"""Prefect's worker, whose runs begin at once.

`python -m latentloop.orchestration.prefect_worker worker start --pool P`. Prefect's own starts, for each run, a process
that prepares a workspace first: pulled code and its dependencies. That process becomes the run, and then loads Prefect
once more: 1.3 CPU-seconds. Our flows are installed modules and pull nothing. A machine where only Prefect's own worker
runs does the same work, after that pause.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

from prefect.utilities.processutils import command_to_string
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker


class AtOnce(ProcessJobConfiguration):  # type: ignore[misc]
    """A run that this interpreter starts, unless its deployment has a command of its own."""

    def prepare_for_flow_run(self, *about: Any, **more: Any) -> None:
        """Name the command: only without one a workspace is prepared."""
        if self.command is None:
            self.command: str | None = command_to_string([sys.executable, "-m", "prefect.engine"])
        super().prepare_for_flow_run(*about, **more)


with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "Type 'Worker'")  # it takes the place of Prefect's own: that is what it is for

    class Worker(ProcessWorker):  # type: ignore[misc]
        """The worker of pools of type `process` in this program."""

        type = "process"
        job_configuration = AtOnce


if __name__ == "__main__":
    from prefect.cli import app

    app()
