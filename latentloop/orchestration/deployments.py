"""What `prefect.yaml` declares, registered on the server of the settings: pools, deployments, schedules, triggers.

Deployments that the file no longer names stay on the server: it may be shared, and it cannot tell whose they are.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from deploy.settings import VENDOR_ENVIRONMENT, Settings
from deploy.stores.orchestrator import COMMAND_PATIENCE_S
from deploy.wiring import open_orchestrator
from latentloop.errors import ProcessFailed
from latentloop.orchestration.prefect_environment import client_environment, without_foreign_word

DECLARATION = "prefect.yaml"
_TIMEOUT_S = 600.0

Say = Callable[[str], None]


class Declared(BaseModel):
    """A deployment of `prefect.yaml`: its flow's module path, the pool that it runs in."""

    model_config = ConfigDict(frozen=True)

    name: str
    entrypoint: str
    work_pool: str


def declaration() -> Path:
    """Where `prefect.yaml` lies: at the top of a checkout, or among the files that the wheel installed."""
    beside = Path(__file__).resolve().parents[2] / DECLARATION
    if beside.is_file():
        return beside
    for file in importlib.metadata.files("latentloop") or ():
        if file.name == DECLARATION:
            return Path(str(file.locate())).resolve()
    raise ProcessFailed(f"{DECLARATION} is missing in this installation of latentloop: install it again")


def declared_deployments() -> list[Declared]:
    """All deployments that are registered, as the file has them."""
    return [
        Declared(name=each["name"], entrypoint=each["entrypoint"], work_pool=each["work_pool"]["name"])
        for each in yaml.safe_load(declaration().read_text("utf-8"))["deployments"]
    ]


def declared_pools() -> list[str]:
    """The pools that deployments run in, by name."""
    return sorted({each.work_pool for each in declared_deployments()})


def register_deployments(settings: Settings, say: Say) -> None:
    """Pools and deployments; both are idempotent, and the declaration may have changed.

    `ProcessFailed` with Prefect's last line when it refuses; a `StoreError` when the server does not answer or does not
    know us.
    """
    with open_orchestrator(settings, COMMAND_PATIENCE_S, say) as orchestrator:
        for pool in declared_pools():
            orchestrator.ensure_work_pool(pool)
    began = time.monotonic()
    home = settings.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    told = {
        "PREFECT_HOME": str(home / "prefect"), "PREFECT_CLI_PROMPT": "false", "PREFECT_CLI_COLORS": "false",
        **client_environment(settings),
    }  # fmt: skip
    try:
        done = _prefect_deploy(home, told)
    except subprocess.TimeoutExpired as error:
        raise ProcessFailed(
            f"`prefect deploy --all` did not end within {_TIMEOUT_S:.0f} s: is the server busy?"
        ) from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise ProcessFailed(f"`prefect deploy --all` ended with {done.returncode}: {lines[-1][:300]}")
    say(f"deployments are registered after {time.monotonic() - began:.1f} s")


def _prefect_deploy(home: Path, told: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(declaration())],
        env=without_foreign_word(os.environ) | VENDOR_ENVIRONMENT | told,
        cwd=home, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
    )  # fmt: skip
