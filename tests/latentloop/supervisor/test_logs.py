"""Logs are bounded and private, while the child that writes them goes on."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from latentloop.supervisor.family import launch
from latentloop.supervisor.logs import last_line, open_log, rotate
from tests.latentloop.supervisor.stage import GENEROUS_S, command

# a line is one write: print makes two of it where nothing is buffered
CHATTER = """
import os
number = 0
while True:
    number += 1
    os.write(1, (f"line {number:09d} " + 80 * "x" + chr(10)).encode())
"""


def test_the_log_of_a_child_that_writes_for_ever_is_bounded_and_goes_on_with_whole_lines(tmp_path: Path) -> None:
    log, folder = tmp_path / "logs" / "chatter.log", tmp_path
    process = launch(command(folder, "chatter", CHATTER), dict(os.environ), folder, log)
    try:
        for _ in range(5):
            await_bytes(log, 50_000, process)
            assert rotate(log, most_bytes=50_000, kept=3)
        await_bytes(log, 1_000, process)
    finally:
        process.kill()
        process.wait()

    assert sorted(each.name for each in log.parent.iterdir()) == [
        "chatter.log", "chatter.log.1", "chatter.log.2", "chatter.log.3",
    ]  # fmt: skip
    assert {each.stat().st_mode & 0o777 for each in log.parent.iterdir()} == {0o600}
    firsts = [int(each.read_text().split()[1]) for each in sorted(log.parent.iterdir(), reverse=True)]
    assert firsts == sorted(firsts), "the oldest has the highest number"
    assert log.read_bytes()[:5] == b"line ", "an emptied file begins with a whole line, not with a hole"


def await_bytes(log: Path, most: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + GENEROUS_S / 2
    while log.stat().st_size <= most:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


def test_a_log_below_its_limit_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "clerk.log"
    assert not rotate(log, most_bytes=10)
    log.write_text("0123456789")
    assert not rotate(log, most_bytes=10)
    assert [each.name for each in tmp_path.iterdir()] == ["clerk.log"]


def test_a_log_of_an_older_release_becomes_private(tmp_path: Path) -> None:
    log = tmp_path / "clerk.log"
    log.write_text("before\n")
    log.chmod(0o644)
    with open_log(log) as again:
        again.write(b"after\n")
    assert log.read_text() == "before\nafter\n"
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_last_line_is_the_last_that_says_something(tmp_path: Path) -> None:
    log = tmp_path / "clerk.log"
    log.write_text("first\nport 80: permission denied\n\n")
    assert last_line(log) == "port 80: permission denied"
    assert last_line(tmp_path / "nothing.log") == ""
