"""What `latentloop monitor` knows before its run does, in the run's own words."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from data_checks.drift.policy import DriftPolicy
from deploy.controller.neighbours import Neighbours
from latentloop.runs.monitoring import foresee_obstacle
from tests.deploy.controller.world import Traffic, add_version, swap
from tests.deploy.serving.house import House
from tests.latentloop.front_door import environment, make_ledger, run_latentloop


def foresee(world: Neighbours) -> str:
    stores = (world.ledger, world.releases, world.objects, world.telemetry)
    return foresee_obstacle(*stores, DriftPolicy(), datetime.now(UTC))


def test_too_few_answers_are_said_before_a_run_with_how_many_there_are_and_are_needed(
    house: House, alone: Neighbours
) -> None:
    swap(alone.releases, champion=add_version(house, "1", seed=1))
    assert foresee(alone) == "traffic: cannot judge: no image was answered in this window"
    traffic = Traffic(alone.telemetry)
    traffic.answer("1", 120)
    traffic.answer("2", 900)
    assert foresee(alone) == ("traffic: cannot judge: 120 distinct images, at least 500 needed: wait for more traffic")
    traffic.answer("1", 400, seed=1)
    assert foresee(alone) == ""


def test_where_no_version_serves_nothing_is_run_and_one_line_says_what_comes_first(tmp_path: Path) -> None:
    make_ledger(tmp_path / "home")
    nowhere = "http://127.0.0.1:9"  # no server is needed to know it
    env = environment(tmp_path / "home", prefect_url=f"{nowhere}/api", mlflow_url=nowhere, service_url=nowhere)

    done = run_latentloop("monitor", env=env, folder=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("latentloop: no version serves yet: nothing to judge; `latentloop approve VERSION` first\n")


def test_a_reference_that_traffic_has_not_completed_yet_is_said_too(house: House, alone: Neighbours) -> None:
    swap(alone.releases, champion=add_version(house, "1", seed=1, reference=300))
    Traffic(alone.telemetry).answer("1", 20)
    assert foresee(alone) == (
        "traffic: cannot judge: the reference holds 320 images, at least 500 needed: traffic completes it"
    )
