"""The whole story of this folder is told by a wheel: nothing of it comes from a checkout."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Loop, processes_of
from tests.prefect_login import prefect_login

pytestmark = pytest.mark.server

ROOMS = ("latentloop", "flows", "tasks", "deploy", "data_checks", "vae_core", "benchmarks")


def test_every_room_is_imported_from_the_wheel(loop: Loop, installed: Path) -> None:
    code = f"import json\nprint(json.dumps([__import__(each).__file__ for each in {ROOMS}]))"
    done = subprocess.run(
        [str(installed / "bin" / "python"), "-c", code],
        env=loop.env, cwd=loop.folder, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip

    assert all(Path(each).is_relative_to(installed) for each in json.loads(done.stdout))


def test_every_process_of_the_installation_runs_the_environment_of_the_wheel(loop: Loop, installed: Path) -> None:
    commands = [command for _, command in processes_of(loop.settings.home) if command]

    assert len(commands) >= 6
    assert [each for each in commands if not Path(each[0]).is_relative_to(installed)] == []


def test_a_flow_runs_from_its_module_wherever_the_package_is(loop: Loop, counts: dict[str, object]) -> None:
    login = prefect_login(loop.settings)
    answer = httpx.post(f"{loop.settings.prefect_url}/deployments/filter", json={}, auth=login, timeout=30)

    deployed: list[dict[str, Any]] = answer.raise_for_status().json()
    (ingest,) = [each for each in deployed if each["name"] == "ingest"]
    assert (ingest["entrypoint"], ingest["pull_steps"] or None) == ("flows.ingest.ingest", None)
    assert counts["received"], "the flow that ingested was run by that deployment"
