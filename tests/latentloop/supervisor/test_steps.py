"""What is done to a child that cannot be started, and to one that refuses its settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from latentloop.errors import ProcessFailed
from tests.latentloop.supervisor.stage import READY, SLEEP, Stage, child, play


def refusing_story(folder: Path) -> object:
    stage = Stage(folder)
    stage.supervisor.add(child(folder, "service", "print('no key'); raise SystemExit(2)", refuses_with=2))
    try:
        stage.settle()
    except ProcessFailed as failed:
        return {"said": str(failed)}
    finally:
        stage.supervisor.stop()
    return {"said": "nothing"}


def test_a_child_that_refuses_its_settings_ends_the_start_with_its_own_line(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    said = f"service ended with exit code 2; it said: no key (log: {log})"
    assert play(refusing_story, tmp_path) == {"said": said}


def unstartable_story(folder: Path) -> object:
    stage = Stage(folder)
    spec = child(folder, "clerk", SLEEP)
    stage.supervisor.add(replace(spec, command=[str(folder / "no such program")]))
    stage.supervisor.add(child(folder, "service", READY + SLEEP))
    stage.settle()
    answer = {"clerk": stage.phase("clerk"), "service": stage.phase("service"), "said": stage.said}
    stage.supervisor.stop()
    return answer


def test_a_child_that_cannot_even_be_started_is_left_down_like_one_that_dies(tmp_path: Path) -> None:
    answer = play(unstartable_story, tmp_path)

    assert (answer["clerk"], answer["service"]) == ("left down", "up")
    assert "no such program" in str(answer["said"]) and "3 times in a row" in str(answer["said"])
