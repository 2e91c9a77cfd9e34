"""When what died is started again: back-off within a window, forgiveness after health, and then long pauses.

Pure: times are seconds of any one clock.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """`most_deaths` within `window_s` and a child is left down; `most_first_deaths` for one that was never up.

    Pauses double from `first_pause_s` to `longest_pause_s`. What was up for `forgiven_after_s` begins with a clean
    sheet. What is left down is tried again every `left_down_pause_s`.
    """

    most_deaths: int = 6
    most_first_deaths: int = 3
    window_s: float = 600.0
    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0
    forgiven_after_s: float = 300.0
    left_down_pause_s: float = 600.0


@dataclass(frozen=True, slots=True)
class History:
    """The deaths that count, whether it was ever up, and whether it was given up since it was last forgiven."""

    deaths: tuple[float, ...] = ()
    was_up: bool = False
    left_down: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """When to start again, and whether it counts as left down until then."""

    start_at: float
    history: History


def plan_restart(history: History, up_for_s: float, now: float, policy: RestartPolicy) -> Plan:
    """The plan after a death at `now` of a child that had been up for `up_for_s` (0: it did not come up)."""
    if up_for_s >= policy.forgiven_after_s:
        history = History(was_up=True)
    recent = (*(at for at in history.deaths if now - at < policy.window_s), now)
    was_up = history.was_up or up_for_s > 0
    most = policy.most_deaths if was_up else policy.most_first_deaths
    left_down = history.left_down or len(recent) >= most
    pause_s = min(policy.longest_pause_s, policy.first_pause_s * 2 ** (len(recent) - 1))
    return Plan(
        now + (policy.left_down_pause_s if left_down else pause_s),
        History(recent, was_up, left_down),
    )
