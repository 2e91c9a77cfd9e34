"""`latentloop up` whose registry and orchestrator are elsewhere, and away: what can be up is up, the rest is said."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from latentloop.installation.kept_ports import read_ports
from latentloop.installation.running import read_installation
from latentloop.installation.up import say_where_it_trains
from latentloop.supervisor.judging import Phase
from latentloop.supervisor.lock import find_holder
from latentloop.supervisor.ports import hold_port
from latentloop.supervisor.report import PartReport, read_children
from tests.latentloop.front_door import environment, run_latentloop
from tests.latentloop.installation.commands import GENEROUS_S, away, starting, until


@dataclass(frozen=True)
class Front:
    """A home, its environment, and what was said when it came up."""

    home: Path
    env: dict[str, str]
    folder: Path
    up: subprocess.CompletedProcess[str]

    @property
    def service_url(self) -> str:
        found = read_installation(self.home)
        assert found is not None
        return found.service_url

    def part(self, name: str) -> PartReport:
        return next(part for part in read_children(self.home) if part.name == name)

    def status(self) -> str:
        done = run_latentloop("status", env=self.env, folder=self.folder, timeout_s=GENEROUS_S)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, elsewhere: dict[str, str]) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    home = folder / "home"
    env = environment(home, **elsewhere)
    up = run_latentloop("up", "--detach", env=env, folder=folder, timeout_s=GENEROUS_S)
    try:
        yield Front(home, env, folder, up)
    finally:
        down = run_latentloop("down", env=env, folder=folder, timeout_s=GENEROUS_S)
    assert down.returncode == 0, down.stderr


def test_the_service_comes_up_without_registry_and_orchestrator_and_what_is_not_up_is_said(front: Front) -> None:
    said = front.up.stderr.splitlines()

    assert front.up.returncode == 1, front.up.stderr
    assert httpx.get(f"{front.service_url}/healthz", timeout=30).is_success
    assert f"service     {front.service_url}/docs" in front.up.stdout
    assert f"worker gpu takes the trainings: {say_where_it_trains('cpu')}" in said, "who has no GPU need not wonder"
    assert "no GPU is needed" in say_where_it_trains("cpu") and "they do not wait" in say_where_it_trains("cuda:1")
    missing = [line for line in said if line.startswith("not up: ")]
    assert [line.split(" is ")[0] for line in missing] == [
        "not up: worker cpu", "not up: worker gpu", "not up: deployments",
    ]  # fmt: skip
    assert "deployments is left down since " in missing[2] and "does not answer" in missing[2]
    assert said[-1].startswith("what is up goes on, what is not is tried again")


def test_a_detached_start_says_what_it_waits_for_and_what_came_up(front: Front) -> None:
    said = front.up.stderr.splitlines()

    assert [line for line in said if line.startswith("service is up after ")]
    assert [line for line in said if line.startswith("controller is up after ")]
    log = (front.home / "logs" / "up.log").read_text().splitlines()
    assert said[:-1] == log[: len(said) - 1]


def test_the_status_names_what_is_not_up_and_why(front: Front) -> None:
    screen = " ".join(front.status().split())

    assert "deployments is left down since " in screen
    assert re.search(r"worker cpu and worker gpu are waiting since [0-9:]{8}: deployments must be up first", screen)


@pytest.mark.parametrize("arguments", [("up",), ("up", "--detach")])
def test_a_second_up_of_one_home_says_so_in_one_line(front: Front, arguments: tuple[str, ...]) -> None:
    holder = find_holder(front.home)
    assert holder is not None

    done = run_latentloop(*arguments, env=front.env, folder=front.folder, timeout_s=GENEROUS_S)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"latentloop: {front.home} is already up, or being started (pid {holder.pid}): use it, or end it with "
        "`latentloop down`\n"
    )
    assert find_holder(front.home) == holder


def test_a_second_up_says_that_changed_settings_are_not_in_force_and_what_puts_them_there(front: Front) -> None:
    env = {**front.env, "LATENTLOOP_TRAINING__FULL__BUDGET__AMOUNT": "20"}

    done = run_latentloop("up", "--detach", env=env, folder=front.folder, timeout_s=GENEROUS_S)

    changed, already = done.stderr.splitlines()
    assert "training.full.budget.amount (20.0 here, 40.0 there)" in changed
    assert "`latentloop down`, then `latentloop up`" in changed
    assert done.returncode == 1 and "is already up" in already


def test_a_controller_that_is_killed_is_started_again_and_the_service_does_not_notice(front: Front) -> None:
    controller, service = front.part("controller").pid, front.part("service").pid
    assert controller is not None
    os.kill(controller, signal.SIGKILL)
    until(lambda: (now := front.part("controller")).phase is Phase.up and now.pid != controller, "the controller again")
    assert front.part("service").pid == service


def test_an_object_store_that_is_gone_is_said_by_status_and_by_the_service(front: Front) -> None:
    (front.home / "objects").rename(front.home / "objects away")
    try:
        until(lambda: front.part("object store").phase is Phase.silent, "the object store to be missed")
        assert "there is no such folder; is it mounted?" in front.part("object store").reason
        assert "object store is not answering since " in front.status()
    finally:
        shutil.rmtree(front.home / "objects", ignore_errors=True)
        (front.home / "objects away").rename(front.home / "objects")
    until(lambda: front.part("object store").phase is Phase.up, "the object store again")


def test_logs_and_the_report_are_for_this_user_alone(front: Front) -> None:
    private = [
        *(front.home / "logs").glob("*.log"),
        front.home / "run" / "children.json",
        front.home / "run" / "up.lock",
    ]
    assert {(each.name, each.stat().st_mode & 0o777) for each in private} == {(each.name, 0o600) for each in private}
    assert {"up.log", "service.log", "controller.log"} <= {each.name for each in private}


def test_an_installation_has_its_addresses_again_after_down_and_up(tmp_path: Path, elsewhere: dict[str, str]) -> None:
    env = environment(tmp_path / "home", **elsewhere)
    usual = hold_port(8900)  # whoever has it, it is not the installation's
    try:
        found = []
        for _ in range(2):
            up = run_latentloop("up", "--detach", env=env, folder=tmp_path, timeout_s=GENEROUS_S)
            found.append(next(line for line in up.stdout.splitlines() if line.startswith("service")))
            down = run_latentloop("down", env=env, folder=tmp_path, timeout_s=GENEROUS_S)
            assert down.returncode == 0, down.stderr
    finally:
        usual.release()
    assert found[0] == found[1] and ":8900/" not in found[0]
    assert f"service: it takes port {read_ports(tmp_path / 'home')['service_url']} as before" in up.stderr


def test_of_two_that_start_one_home_at_once_one_says_that_the_other_does(
    tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    home = tmp_path / "home"
    env = environment(home, **elsewhere)
    with starting("up", env=env, folder=tmp_path) as one, starting("up", env=env, folder=tmp_path) as other:
        until(lambda: one.poll() is not None or other.poll() is not None, "one of them to give way")
        loser, winner = (one, other) if one.poll() is not None else (other, one)
        _, stderr = loser.communicate()
        assert loser.returncode == 1
        assert stderr == (
            f"latentloop: {home} is already up, or being started (pid {winner.pid}): use it, or end it with "
            "`latentloop down`\n"
        )
        winner.send_signal(signal.SIGTERM)
        _, stderr = winner.communicate(timeout=GENEROUS_S)
        assert (winner.returncode, stderr.splitlines()[-1]) == (0, "everything is down")


def test_without_its_ledger_nothing_is_started_and_one_line_says_so(tmp_path: Path, elsewhere: dict[str, str]) -> None:
    with contextmanager(away)() as url:
        database = f"postgresql://nobody@{url.removeprefix('http://')}/nothing"
        env = environment(tmp_path / "home", database_url=database, **elsewhere)

        done = run_latentloop("up", "--detach", env=env, folder=tmp_path, timeout_s=GENEROUS_S)

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("latentloop: latentloop up did not come up: database postgresql+psycopg://nobody@")
    assert "is it up and free?" in line
    assert find_holder(tmp_path / "home") is None
