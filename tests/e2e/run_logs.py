"""What flow runs logged, as Prefect's server keeps it."""

from __future__ import annotations

import httpx

from deploy.settings import Settings
from deploy.stores.authorities import trusted
from tests.prefect_login import prefect_login
from tests.servers import PatientTransport


def read_run_logs(settings: Settings) -> list[str]:
    """The first 200 lines of all runs, oldest first."""
    with httpx.Client(
        auth=prefect_login(settings), timeout=120, transport=PatientTransport(verify=trusted())
    ) as client:
        answer = client.post(
            f"{settings.prefect_url}/logs/filter", json={"logs": {}, "sort": "TIMESTAMP_ASC", "limit": 200}
        )
    assert answer.is_success, f"{answer.status_code} {answer.text[:500]}"
    return [str(each["message"]) for each in answer.json()]
