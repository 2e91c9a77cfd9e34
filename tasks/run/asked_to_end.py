"""Why a run's process was told to end: a person cancelled the run, or somebody took the process down."""

from __future__ import annotations

from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL

ANSWERS_WITHIN_S = 5.0  # a worker gives a process half a minute to leave


def is_cancelled() -> bool:
    """Whether Prefect was asked to end the run of this process; False where it does not answer."""
    from deploy.stores.errors import StoreError
    from deploy.stores.orchestrator import Orchestrator

    run, url, auth = flow_run.id, PREFECT_API_URL.value(), PREFECT_API_AUTH_STRING.value()
    if not run or not url:
        return False
    try:
        with Orchestrator(url, auth=auth, timeout_s=ANSWERS_WITHIN_S) as orchestrator:
            return orchestrator.run_state(run).type in ("CANCELLING", "CANCELLED")
    except StoreError:  # it is being taken down as well
        return False
