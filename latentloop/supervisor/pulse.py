"""The pulse of what is watched: asked in a thread of its own, so that whoever does not answer holds up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

Clock = Callable[[], float]


class Sign(Enum):
    """What came back: an answer, none, the word that one cannot ask, or the answer of another process."""

    alive = "alive"
    silent = "silent"
    unknown = "unknown"
    stranger = "stranger"


@dataclass(frozen=True, slots=True)
class Heard:
    """A sign with its reason, empty where there is nothing to add."""

    sign: Sign
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pulse:
    """What was heard so far. `silent_since` is when the first question of a silence was sent; `failures` counts them.

    A silence begins with a question that got no answer: a supervisor that did not ask, stopped itself or on a machine
    that slept, has heard no silence.
    """

    answers: int = 0
    failures: int = 0
    silent_since: float | None = None
    stranger: bool = False
    reason: str = ""


def hear(pulse: Pulse, heard: Heard, asked_at: float) -> Pulse:
    """The pulse after one more question."""
    if heard.sign is Sign.alive:
        return Pulse(answers=pulse.answers + 1)
    if heard.sign is Sign.unknown:
        return replace(pulse, reason=heard.reason)
    since = pulse.silent_since if pulse.silent_since is not None else asked_at
    return replace(
        pulse,
        failures=pulse.failures + 1,
        silent_since=since,
        stranger=heard.sign is Sign.stranger,
        reason=heard.reason,
    )


class Listener:
    """Asks again and again until `stop`; `pulse` is what it heard.

    Questions follow each other quickly until there is an answer, calmly while there is.
    """

    def __init__(
        self,
        ask: Callable[[], Heard],
        *,
        clock: Clock = time.monotonic,
        quick_s: float = 0.5,
        calm_s: float = 5.0,
    ) -> None:
        self._ask, self._clock = ask, clock
        self._quick_s, self._calm_s = quick_s, calm_s
        self._ended = threading.Event()
        self.pulse = Pulse()
        threading.Thread(target=self._run, name="pulse", daemon=True).start()

    def stop(self) -> None:
        """Ask nothing more; a question that is under way is not waited for."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            asked_at = self._clock()
            try:
                heard = self._ask()
            except Exception as error:  # a question that breaks must not end the pulse
                heard = Heard(Sign.unknown, f"{type(error).__name__}: {error}")
            self.pulse = hear(self.pulse, heard, asked_at)
            calm = self.pulse.answers and not self.pulse.failures
            self._ended.wait(self._calm_s if calm else self._quick_s)
