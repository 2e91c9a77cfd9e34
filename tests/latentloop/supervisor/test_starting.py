"""A long start says what it waits for: soon, and then ever more seldom."""

from __future__ import annotations

import re
from pathlib import Path

from latentloop.supervisor.starting import await_settled
from tests.latentloop.supervisor.stage import READY, SLEEP, Stage, child, play


def slow_story(folder: Path) -> object:
    """A server that comes up when the clock, of which each look takes a quarter of a second, shows ten minutes."""
    stage, now, slow = Stage(folder), [0.0], folder / "ten minutes"

    def clock() -> float:
        now[0] += 0.25
        if now[0] >= 600:
            slow.touch()
        return now[0]

    wait = f"while not Path({str(slow)!r}).exists(): time.sleep(0.01)\n"
    stage.supervisor.add(child(folder, "server", wait + READY + SLEEP))
    await_settled(stage.supervisor, lambda: f"{now[0]:.0f} s", clock=clock, poll_s=0.0)
    said = [line for line in stage.said if line.startswith("waiting for ")]
    stage.supervisor.stop()
    return {"said": said}


def test_a_long_start_says_what_it_waits_for_soon_and_then_ever_more_seldom(tmp_path: Path) -> None:
    said = play(slow_story, tmp_path)["said"]
    assert isinstance(said, list)
    at = [int(re.fullmatch(r"waiting for server \((\d+) s\)", line)[1]) for line in said]  # type: ignore[index]
    gaps = [after - before for before, after in zip(at, at[1:], strict=False)]
    assert at[0] <= 4 and gaps[0] <= 7
    assert gaps[:6] == sorted(gaps[:6]) and 59 <= max(gaps) <= 63, "rounded, and each look takes some time"
    assert len([second for second in at if second <= 600]) <= 16, "in ten minutes; every five seconds were 120"
