"""Seconds in a person's words."""

from __future__ import annotations

MINUTE_S, HOUR_S = 60, 3_600


def say_duration(seconds: float) -> str:
    """As it was measured.

    >>> say_duration(8.4), say_duration(200), say_duration(3_900)
    ('8 s', '3 min 20 s', '1 h 5 min')
    """
    whole = round(seconds)
    if whole < MINUTE_S:
        return f"{whole} s"
    if whole < HOUR_S:
        return f"{whole // MINUTE_S} min" + (f" {whole % MINUTE_S} s" if whole % MINUTE_S else "")
    minutes = whole % HOUR_S // MINUTE_S
    return f"{whole // HOUR_S} h" + (f" {minutes} min" if minutes else "")


def say_about(seconds: float) -> str:
    """As an estimate: no more digits than one can rely on.

    >>> say_about(3), say_about(47), say_about(200), say_about(3_900)
    ('about 5 s', 'about 50 s', 'about 3 min', 'about 1 h 5 min')
    """
    if seconds < MINUTE_S - 5:
        step = 5 if seconds <= 20 else 10
        return f"about {max(5, step * round(seconds / step))} s"
    return f"about {say_duration(max(1, round(seconds / MINUTE_S)) * MINUTE_S)}"
