"""A neighbour that is not ours to start: that it went away is said, and that it came back."""

from __future__ import annotations

from pathlib import Path

from latentloop.supervisor.pulse import Heard, Sign
from latentloop.supervisor.report import read_report
from tests.latentloop.supervisor.stage import Stage, play


def store_story(folder: Path) -> object:
    stage, marker = Stage(folder), folder / "mounted"
    marker.touch()

    def ask() -> Heard:
        return Heard(Sign.alive) if marker.exists() else Heard(Sign.silent, "it is not mounted")

    stage.supervisor.add_store("object store", ask, calm_s=0.02)
    stage.settle()
    phases = [stage.phase("object store")]
    marker.unlink()
    stage.until(lambda: stage.phase("object store") == "not answering", "that it went away")
    report = read_report(folder)
    assert report is not None
    lines = [part.line for part in report.missing]
    marker.touch()
    stage.until(lambda: stage.phase("object store") == "up", "that it came back")
    stage.supervisor.stop()
    return {"phases": phases, "lines": lines, "said": stage.said}


def test_a_store_that_goes_away_is_said_and_shown_and_so_is_its_return(tmp_path: Path) -> None:
    answer = play(store_story, tmp_path)

    (line,) = answer["lines"]  # type: ignore[misc]
    assert line.startswith("object store is not answering since ") and line.endswith(": it is not mounted")
    assert answer["phases"] == ["up"]
    assert answer["said"] == ["object store does not answer: it is not mounted", "object store answers again"]
