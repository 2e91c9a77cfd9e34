"""The person of the story: sets a tag in the registry, and waits until the version serves."""

from __future__ import annotations

import time

import httpx

from deploy.record.approvals import APPROVAL_REFUSED
from deploy.release import Release
from deploy.settings import Settings
from deploy.wiring import World
from latentloop.errors import DemoFailed

APPROVAL_TIMEOUT_S = 90.0


def approve_as_the_ui_does(settings: Settings, version: str) -> None:
    """The REST call that MLflow's page sends when a person edits the tag `approval`."""
    answer = httpx.post(
        f"{settings.mlflow_url}/ajax-api/2.0/mlflow/model-versions/set-tag",
        json={"name": settings.product, "version": version, "key": "approval", "value": "approved"},
        timeout=30,
    )
    answer.raise_for_status()


def await_champion(world: World, version: str, timeout_s: float = APPROVAL_TIMEOUT_S) -> Release:
    """Until the service itself says that it serves the version."""
    releases = world.releases
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        release = releases.read()
        ready = httpx.get(f"{world.settings.service_url}/readyz", timeout=10).json()
        champion = ready["slots"].get("champion")
        if release.champion is not None and champion is not None and champion["version"] == version:
            return release
        time.sleep(0.25)
    refused = APPROVAL_REFUSED.newest(world.ledger)
    said = refused.body.reason if refused is not None else "no approval was refused"
    raise DemoFailed(f"expected version {version} to serve within {timeout_s:.0f} s of its approval: {said}")
