"""The world of the test's environment, opened once, as a flow run opens that of its process."""

from __future__ import annotations

from functools import cache

from deploy.wiring import World, open_world


@cache
def opened() -> World:
    """The stores of now."""
    return open_world()


def forget() -> None:
    """Open everything anew: the environment has changed."""
    opened.cache_clear()
