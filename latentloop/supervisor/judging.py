"""What is to be done about one child: facts and patience in, one step out. Pure; the supervisor applies it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from latentloop.supervisor.pulse import Pulse


class Phase(StrEnum):
    """Where a part of the installation stands."""

    waiting = "waiting"
    starting = "starting"
    up = "up"
    silent = "not answering"
    left_down = "left down"


class Step(StrEnum):
    """What the supervisor does about it now."""

    leave = "leave it alone"
    start = "start it"
    welcome = "it is up"
    move = "choose another port and start it again"
    name_silent = "say that it does not answer"
    kill = "kill it"
    bury = "count its death"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a child may take to its first answer, and how long it may then be silent.

    A silence counts from `least_failures` questions on; it is named after a quarter of `silence_s` and, once it was
    named, ended after all of it. What is dead is seen by its exit, at once: these limits are for what hangs. A crowded
    machine makes slow what works, and each new start makes it slower: there it takes as many times longer to be ended
    as there are processes for a core, at most `MOST_CROWDED`.
    """

    start_s: float = 600.0
    silence_s: float = 60.0
    least_failures: int = 3


MOST_CROWDED = 5.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a child at one moment; times in seconds of the supervisor's clock."""

    phase: Phase
    start_at: float | None = None
    started_at: float = 0.0
    ended: bool = False
    port_taken: bool = False
    can_move: bool = False
    pulse: Pulse = Pulse()
    crowding: float = 1.0
    """Processes that want a core, for each core there is; at least 1."""


def plan_step(facts: Facts, patience: Patience, now: float) -> Step:
    """The one step that is due."""
    if facts.phase in (Phase.waiting, Phase.left_down):
        return Step.start if facts.start_at is not None and now >= facts.start_at else Step.leave
    taken = facts.port_taken or facts.pulse.stranger
    if taken and facts.phase is Phase.starting and facts.can_move:
        return Step.move
    if facts.ended:
        return Step.bury
    if facts.phase is Phase.starting:
        return _step_of_starting(facts, patience, now, taken)
    return _step_of_running(facts, patience, now)


def _step_of_starting(facts: Facts, patience: Patience, now: float, taken: bool) -> Step:
    if taken or now - facts.started_at > patience.start_s:
        return Step.kill
    return Step.welcome if facts.pulse.answers else Step.leave


def _step_of_running(facts: Facts, patience: Patience, now: float) -> Step:
    pulse = facts.pulse
    if pulse.silent_since is None or pulse.failures < patience.least_failures:
        return Step.welcome if facts.phase is Phase.silent and not pulse.failures else Step.leave
    silent_for_s = now - pulse.silent_since
    if facts.phase is Phase.silent:
        longest_s = patience.silence_s * min(MOST_CROWDED, facts.crowding)
        return Step.kill if silent_for_s >= longest_s else Step.leave
    return Step.name_silent if silent_for_s >= patience.silence_s / 4 else Step.leave
