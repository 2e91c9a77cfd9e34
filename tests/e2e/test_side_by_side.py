"""Installations that start at the same moment on one machine, and one whose registry cannot start."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from latentloop.installation import Installation, read_installation
from latentloop.supervisor.judging import Phase
from latentloop.supervisor.lock import find_holder
from latentloop.supervisor.ports import Owner, hold_port, owner_of
from latentloop.supervisor.report import read_children
from tests.latentloop.front_door import environment, program, run_latentloop

pytestmark = pytest.mark.server
# each takes about a minute on two cores: a person who changes how ports are chosen sets 10
ROUNDS = int(os.environ.get("TWO_AT_ONCE_ROUNDS", "1"))


@pytest.mark.parametrize("number", range(ROUNDS))
def test_two_that_start_at_once_come_up_each_on_servers_of_its_own(tmp_path: Path, number: int) -> None:
    homes = [tmp_path / name / "home" for name in ("a", "b")]
    with ExitStack() as stack:
        for home in homes:
            home.parent.mkdir()
            stack.callback(_down, home)
        starts = [_up(home) for home in homes]
        for start in starts:
            stdout, stderr = start.communicate(timeout=800)
            assert start.returncode == 0, f"{stdout}\n{stderr}"

        found = [read_installation(home) for home in homes]
        ports = [port for each in found if each is not None for port in _ports(each)]
        assert len(set(ports)) == 6, ports
        for each in found:
            assert each is not None
            assert {owner_of(port, each.pid) for port in _ports(each)} == {Owner.child}


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


def _up(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [program(environment(home)), "up", "--detach"], env=environment(home), cwd=home.parent, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _down(home: Path) -> None:
    run_latentloop("down", env=environment(home), folder=home.parent)
    assert find_holder(home) is None


def _ports(installation: Installation) -> list[int]:
    urls = (installation.prefect_url, installation.mlflow_url, installation.service_url)
    return [port for url in urls if (port := urlsplit(url).port) is not None]
