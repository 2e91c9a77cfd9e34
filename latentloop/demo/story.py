"""The demo told in chapters: real images, real servers, real deployments; every figure is read back from the stores."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from latentloop.demo.closing import close_story
from latentloop.demo.first_half import images_arrive, model_is_made, ordinary_traffic, person_approves
from latentloop.demo.measure import before_and_after
from latentloop.demo.own.settings import OWN_FULL, OWN_QUICK
from latentloop.demo.sabotage import sabotage_is_taken_back
from latentloop.demo.season import candidate_is_tried, season_changes
from latentloop.demo.settings import FULL, QUICK, Scale, demo_settings
from latentloop.demo.supply import FashionSupply
from latentloop.demo.telling import Chapter, Say, Story, expect
from latentloop.demo.told import Told
from latentloop.errors import DemoFailed
from latentloop.fashion_mnist import find_fashion_mnist
from latentloop.installation.up import running_installation
from latentloop.supervisor.family import memory_mb

SEED = 20260

CHAPTERS: tuple[tuple[str, Callable[[Story, Chapter], None]], ...] = (
    ("Images arrive", images_arrive),
    ("A model is made and judged", model_is_made),
    ("A person approves, it serves", person_approves),
    ("Ordinary traffic", ordinary_traffic),
    ("The season changes", season_changes),
    ("The candidate is tried and promoted", candidate_is_tried),
    ("A sabotaged candidate is taken back", sabotage_is_taken_back),
    ("Before and after", before_and_after),
)


def run_demo(told: Told, *, json_file: Path | None, report: Path, say: Say) -> None:
    """Tell the whole story; `DemoFailed` when something did not come true or the watchdog ended it."""
    began = time.monotonic()
    say = _timed(say, began)
    scale = _scale(told)
    with _watchdog(scale.watchdog_s):
        story = _own_pictures(told, scale, say) if told.images is not None else _own_data_set(told, scale, say)
        with _memory_watch() as peak:
            with contextlib.ExitStack() as stack:
                with story.chapter("Everything starts"):
                    running = stack.enter_context(running_installation(story.settings, story.say))
                    expect(not running.missing(), "everything to be up")
                story.move_into(running.settings)
                story.tend = lambda: running.tend(say)
                story.say = _tending(story.tend, say)
                for title, tell in CHAPTERS:
                    with story.chapter(title) as chapter:
                        tell(story, chapter)
                with story.chapter("The report"):
                    finish = close_story(story, report)
                story.say = say  # nothing is looked after any more
            story.figures["peak_memory_mb"] = peak()
    wall_s = time.monotonic() - began
    # the last chapter is over: whatever had not come true would have ended the story
    story.figures |= {"wall_s": wall_s, "minutes": wall_s / 60, "loop_closed": 1.0}
    finish(json_file, told.command)


def _tending(tend: Callable[[], None], say: Say) -> Say:
    """Say, and look after the installation: traffic is sent for minutes, and says so every few seconds."""

    def say_and_tend(line: str) -> None:
        say(line)
        tend()

    return say_and_tend


def _scale(told: Told) -> Scale:
    if told.images is None:
        return QUICK if told.quick else FULL
    return OWN_QUICK if told.quick else OWN_FULL


def _own_data_set(told: Told, scale: Scale, say: Say) -> Story:
    """Fashion-MNIST."""
    settings = demo_settings(scale, told.model)
    say(f"home {settings.home.resolve()}")
    data = find_fashion_mnist(settings.fashion_mnist, settings.assets_folder)
    supply = FashionSupply(data, shipment=scale.shipment, ordinary=scale.requests, seed=SEED)
    return Story(settings, scale, say, supply)


def _own_pictures(told: Told, scale: Scale, say: Say) -> Story:
    """Somebody's folder: its settings proposed, its pictures read, a season kept out."""
    from latentloop.demo.own.story import begin_own_story

    return begin_own_story(told, scale, SEED, say)


def _timed(say: Say, began: float) -> Say:
    return lambda line: say(f"[{time.monotonic() - began:5.0f} s] {line}")


@contextmanager
def _watchdog(seconds: int) -> Iterator[None]:
    """A story that hangs is ended, its processes with it."""

    def bite(number: int, frame: FrameType | None) -> NoReturn:
        raise DemoFailed(f"the watchdog ended the demo after {seconds} s; the logs are in .latentloop/demo/logs")

    before = signal.signal(signal.SIGALRM, bite)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _memory_watch() -> Iterator[Callable[[], float]]:
    """The peak of the resident memory over all processes, looked at every second."""
    ended, peak = threading.Event(), [0.0]

    def watch() -> None:
        while not ended.wait(1.0):
            peak[0] = max(peak[0], memory_mb())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: peak[0]
    finally:
        ended.set()
        thread.join()
