"""The frame of the demo: its scale, and what ends a story that hangs."""

from __future__ import annotations

import signal
import time

import psutil
import pytest

from latentloop.demo.own.settings import OWN_FULL, OWN_QUICK
from latentloop.demo.settings import FULL, QUICK, Scale
from latentloop.demo.story import _memory_watch, _scale, _watchdog
from latentloop.demo.told import DemoModel, Told
from latentloop.errors import DemoFailed


@pytest.mark.parametrize(
    ("quick", "images", "scale"),
    [(False, None, FULL), (True, None, QUICK), (False, "folder", OWN_FULL), (True, "folder", OWN_QUICK)],
)
def test_the_scale_is_that_of_the_pictures_and_of_the_time_that_somebody_has(
    quick: bool, images: str | None, scale: Scale
) -> None:
    assert _scale(Told(quick, DemoModel.vae, images, ())) == scale


def test_a_story_that_hangs_is_ended_and_one_that_is_told_is_left_alone() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(DemoFailed, match="the watchdog ended the demo after 1 s; the logs are in "), _watchdog(1):
        time.sleep(600)
    with _watchdog(600):
        pass

    assert signal.alarm(0) == 0, "nothing bites later"
    assert signal.getsignal(signal.SIGALRM) is before


def test_the_peak_of_the_memory_is_that_of_all_processes() -> None:
    with _memory_watch() as peak:
        deadline = time.monotonic() + 240
        while not peak():
            assert time.monotonic() < deadline, "expected a first look"
            time.sleep(0.05)

    assert peak() > 0.5 * psutil.Process().memory_info().rss / 1e6
