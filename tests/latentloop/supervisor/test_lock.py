"""One supervisor a home, from the first moment of its start."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from pathlib import Path

import pytest

from deploy.settings import SettingsError
from latentloop.supervisor.lock import LOCK_FILE, find_holder, hold_home, this_process


def test_a_second_supervisor_of_a_home_is_told_of_the_first_in_one_line(tmp_path: Path) -> None:
    with hold_home(tmp_path):
        assert find_holder(tmp_path) == this_process()
        with pytest.raises(SettingsError) as refused, hold_home(tmp_path):
            pytest.fail("it holds the home twice")
        assert str(refused.value) == (
            f"{tmp_path.resolve()} is already up, or being started (pid {os.getpid()}): use it, or end it with "
            "`latentloop down`"
        )
        assert find_holder(tmp_path) == this_process(), "the refused one changed nothing"
    assert find_holder(tmp_path) is None
    with hold_home(tmp_path):
        assert find_holder(tmp_path) == this_process()


def test_one_that_has_the_lock_and_is_about_to_write_its_name_is_named_too(tmp_path: Path) -> None:
    with hold_home(tmp_path):
        name = (tmp_path / LOCK_FILE).read_bytes()
        (tmp_path / LOCK_FILE).write_bytes(b"")
        writing = threading.Timer(0.2, (tmp_path / LOCK_FILE).write_bytes, [name])
        writing.start()
        with pytest.raises(SettingsError, match=rf"being started \(pid {os.getpid()}\)"), hold_home(tmp_path):
            pytest.fail("it holds the home twice")
        writing.join()


def test_another_home_is_another_matter(tmp_path: Path) -> None:
    with hold_home(tmp_path / "a"), hold_home(tmp_path / "b"):
        assert find_holder(tmp_path / "a") == find_holder(tmp_path / "b") == this_process()


def _try(home: Path, begin: object, end: object, answers: object) -> None:
    begin.wait()  # type: ignore[attr-defined]
    try:
        with hold_home(home):
            answers.put("held")  # type: ignore[attr-defined]
            end.wait()  # type: ignore[attr-defined]
    except SettingsError:
        answers.put("refused")  # type: ignore[attr-defined]


def test_of_many_that_start_at_once_exactly_one_holds_the_home(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    begin, end, answers = context.Event(), context.Event(), context.Queue()
    racers = [context.Process(target=_try, args=(tmp_path, begin, end, answers)) for _ in range(4)]
    for racer in racers:
        racer.start()
    begin.set()
    found = sorted(answers.get(timeout=200) for _ in racers)
    end.set()
    for racer in racers:
        racer.join()
    assert found == ["held", "refused", "refused", "refused"]


def test_a_home_is_free_again_after_its_supervisor_was_killed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    begin, end, answers = context.Event(), context.Event(), context.Queue()
    begin.set()
    killed = context.Process(target=_try, args=(tmp_path, begin, end, answers))
    killed.start()
    assert answers.get(timeout=200) == "held"
    assert find_holder(tmp_path) is not None
    assert killed.pid is not None
    os.kill(killed.pid, signal.SIGKILL)
    killed.join()
    assert (tmp_path / LOCK_FILE).stat().st_size > 0, "it could not clear its name"
    assert find_holder(tmp_path) is None
    with hold_home(tmp_path):
        assert find_holder(tmp_path) == this_process()
