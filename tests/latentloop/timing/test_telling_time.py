"""What a command says that takes its time and has no budget to count by."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from latentloop.timing.telling_time import FILE, describe, keep_duration, read_durations, telling_time

SOON = (0.01, 0.02)


def test_the_line_says_how_long_so_far_and_how_long_by_last_time() -> None:
    assert describe("register", 5, None) == "register: 5 s so far, how long it takes here is not known yet"
    assert describe("register", 5, 34) == "register: 5 s so far, about 30 s left if it is as last time"
    assert describe("register", 40, 34) == "register: 40 s so far, longer than the 34 s of last time"


def test_what_is_quick_says_nothing_and_is_not_remembered(tmp_path: Path) -> None:
    said: list[str] = []
    with telling_time("override", tmp_path, said.append):
        pass
    assert (said, read_durations(tmp_path).seconds) == ([], {})


def test_what_takes_long_says_so_while_it_works_and_knows_more_the_next_time(tmp_path: Path) -> None:
    told, said = threading.Event(), []

    def say(line: str) -> None:
        said.append(line)
        told.set()

    for _ in range(2):
        told.clear()
        with telling_time("deploy", tmp_path, say, after_s=SOON):
            assert told.wait(60)
    assert said[0].endswith("how long it takes here is not known yet")
    assert "last time" in said[-1]


def test_what_is_remembered_is_its_users_alone(tmp_path: Path) -> None:
    keep_duration(tmp_path, "register", 5)
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_an_end_by_an_error_is_no_duration(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="it broke"), telling_time("deploy", tmp_path, lambda _: None, (0.0,)):
        raise ValueError("it broke")
    assert read_durations(tmp_path).seconds == {}


def test_a_home_that_keeps_nothing_is_no_obstacle(tmp_path: Path) -> None:
    keep_duration(tmp_path / "is" / "not" / "there", "setup", 3.0)
    (tmp_path / FILE).write_text("no JSON")
    assert read_durations(tmp_path).seconds == {}
    keep_duration(tmp_path, "setup", 3.0)
    keep_duration(tmp_path, "deploy", 4.0)
    assert read_durations(tmp_path).seconds == {"setup": 3.0, "deploy": 4.0}
