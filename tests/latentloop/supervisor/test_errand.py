"""A step of the start that ends: done once its need is up, tried again until it holds."""

from __future__ import annotations

from pathlib import Path

from tests.latentloop.supervisor.stage import READY, SLEEP, Stage, child, play


def errand_story(folder: Path) -> object:
    stage, tries = Stage(folder), []

    def register() -> None:
        tries.append(len(tries))
        if len(tries) < 3:
            raise ValueError(f"try {len(tries)} failed")

    stage.supervisor.add(child(folder, "server", READY + SLEEP))
    stage.supervisor.add_errand("deployments", register, needs="server")
    stage.supervisor.add(child(folder, "worker", READY + SLEEP, needs="deployments"))
    stage.settle(first_after_s=0.0)
    waited = [line for line in stage.said if line.startswith("waiting for ")]
    answer = {"tries": len(tries), "missing": len(stage.supervisor.missing()), "waited": waited[0]}
    said = [line for line in stage.said if not line.startswith("waiting for ")]
    order = [line.partition(" is up")[0].partition(";")[0] for line in said]
    stage.supervisor.stop()
    return {**answer, "order": order}


def test_a_step_of_the_start_is_done_once_its_need_is_up_and_tried_again_until_it_holds(tmp_path: Path) -> None:
    answer = play(errand_story, tmp_path)

    assert answer == {
        "tries": 3,
        "missing": 0,
        "waited": "waiting for server, worker, deployments (0 s)",
        "order": ["server", "deployments failed: try 1 failed", "deployments failed: try 2 failed", "worker"],
    }
