"""What a command says while it works and has nothing else to say: how long it took so far, and how long last time.

Without a budget to count by, the best estimate is what the same work took here before; the first time nobody knows.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from latentloop.timing.shown_duration import say_about, say_duration

FILE = "durations.json"
AFTER_S = (2.0, 5.0, 10.0, 20.0, 40.0)
THEN_EVERY_S = 60.0

Say = Callable[[str], None]


class Durations(BaseModel):
    """How many seconds each command took when it was done last."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    seconds: dict[str, float] = {}


@contextmanager
def telling_time(what: str, home: Path, say: Say, after_s: tuple[float, ...] = AFTER_S) -> Iterator[None]:
    """Say now and then how long `what` takes; what is over before the first moment says nothing."""
    before, began, over = read_durations(home).seconds.get(what), time.monotonic(), threading.Event()

    def tell() -> None:
        for moment in (*after_s, *(after_s[-1] + THEN_EVERY_S * number for number in range(1, 10_000))):
            if over.wait(moment - (time.monotonic() - began)):
                return
            say(describe(what, time.monotonic() - began, before))

    thread = threading.Thread(target=tell, name="telling time", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if (took := time.monotonic() - began) >= after_s[0]:
        keep_duration(home, what, took)


def describe(what: str, elapsed_s: float, before_s: float | None) -> str:
    """One line: what is done, since when, and how long it may take."""
    return f"{what}: {say_so_far(elapsed_s, before_s)}"


def say_so_far(elapsed_s: float, before_s: float | None) -> str:
    """Since when, and how long it may take by what it took last time."""
    so_far = f"{say_duration(elapsed_s)} so far"
    if before_s is None:
        return f"{so_far}, how long it takes here is not known yet"
    if elapsed_s < before_s:
        return f"{so_far}, {say_about(before_s - elapsed_s)} left if it is as last time"
    return f"{so_far}, longer than the {say_duration(before_s)} of last time"


def read_durations(home: Path) -> Durations:
    """What is known; a file that is damaged, or of another release, knows nothing."""
    try:
        return Durations.model_validate_json((home / FILE).read_bytes())
    except (OSError, ValidationError):
        return Durations()


def keep_duration(home: Path, what: str, seconds: float) -> None:
    """Remember it for the next time; a home that cannot be written to, or is not there, keeps nobody from anything."""
    known = read_durations(home)
    fresh = known.model_copy(update={"seconds": {**known.seconds, what: round(seconds, 1)}})
    beside = home / f".{FILE}.{threading.get_ident()}"
    with contextlib.suppress(OSError):
        with open(os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(fresh.model_dump_json())
        beside.replace(home / FILE)
