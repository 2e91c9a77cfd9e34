"""An installation whose registry cannot start."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from latentloop.installation.running import read_installation
from latentloop.supervisor.judging import Phase
from latentloop.supervisor.lock import find_holder
from latentloop.supervisor.ports import hold_port
from latentloop.supervisor.report import read_children
from tests.latentloop.front_door import environment, run_latentloop

pytestmark = pytest.mark.server


def test_an_installation_whose_registry_cannot_start_serves_all_the_same_and_says_so(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "mlflow").mkdir(parents=True)
    (home / "mlflow" / "mlflow.db").write_bytes(b"not a database" * 1_000)
    elsewhere = hold_port()
    env = environment(home, prefect_url=f"http://127.0.0.1:{elsewhere.number}/api")
    try:
        up = run_latentloop("up", "--detach", env=env, folder=tmp_path, timeout_s=800)

        assert up.returncode == 1, up.stderr
        (said,) = [line for line in up.stderr.splitlines() if line.startswith("not up: mlflow server")]
        assert "not up: mlflow server is left down since " in said
        assert "3 times in a row; tried again every 600 s" in said
        installation = read_installation(home)
        assert installation is not None
        assert httpx.get(f"{installation.service_url}/healthz", timeout=120).is_success
        phases = {part.name: part.phase for part in read_children(home)}
        assert (phases["service"], phases["controller"]) == (Phase.up, Phase.up)
        assert "mlflow server is left down since " in run_latentloop("status", env=env, folder=tmp_path).stdout
    finally:
        elsewhere.release()
        _down(home)


def _down(home: Path) -> None:
    run_latentloop("down", env=environment(home), folder=home.parent)
    assert find_holder(home) is None
