"""The commands of the installation itself, in real processes: whatever a user can cause is one line."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.latentloop.front_door import environment, make_ledger, run_latentloop
from tests.latentloop.refusing import assert_refused


def test_the_status_of_a_home_where_nothing_was_released_needs_no_server(home: Path, tmp_path: Path) -> None:
    env = environment(home)
    make_ledger(home)

    as_json = run_latentloop("status", "--json", env=env, folder=tmp_path)
    screen = run_latentloop("status", env=env, folder=tmp_path)

    assert as_json.returncode == screen.returncode == 0, as_json.stderr + screen.stderr
    found = json.loads(as_json.stdout)
    assert (found["running"], found["epoch"], found["slots"], found["decisions"]) == (False, 0, [], [])
    assert found["pending_unknown"] == "unknown, MLflow does not run"
    assert found["requests_last_hour"] == 0
    assert "nothing was released yet" in screen.stdout
    assert "no installation runs from this home (start one with `latentloop up`)" in screen.stdout


def test_ending_what_does_not_run_is_no_error(home: Path, tmp_path: Path) -> None:
    done = run_latentloop("down", env=environment(home), folder=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, f"nothing runs from {home}\n", "")


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_a_serving_port_that_is_in_use_is_said_in_one_line(home: Path, tmp_path: Path, taken_port: int) -> None:
    done = run_latentloop("up", env=environment(home, serving__port=str(taken_port)), folder=tmp_path)

    assert_refused(done, f"serving.port: port {taken_port} on 127.0.0.1 is in use: end what listens there, or set ")


def test_a_serving_port_that_is_in_use_is_said_when_detached_as_well(
    home: Path, tmp_path: Path, taken_port: int
) -> None:
    done = run_latentloop("up", "--detach", env=environment(home, serving__port=str(taken_port)), folder=tmp_path)

    assert_refused(done, f"port {taken_port} on 127.0.0.1 is in use")
    assert f"(log: {home / 'logs' / 'up.log'})" in done.stderr


def test_a_home_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("in the way")

    for command in ("status", "up"):
        done = run_latentloop(command, env=environment(tmp_path / "a file" / "home"), folder=tmp_path)
        assert_refused(done, f"{tmp_path}/a file/home")


def test_up_without_the_feature_network_names_the_command_that_brings_it(home: Path, tmp_path: Path) -> None:
    env = environment(home, assets_folder=str(tmp_path / "nothing"))

    done = run_latentloop("up", env=env, folder=tmp_path)

    assert_refused(done, "nothing/efflite0.safetensors: the feature network is missing: run `latentloop setup` once")
