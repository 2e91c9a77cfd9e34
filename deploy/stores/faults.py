"""The registry of fault points: every durable write passes one, before and after.

A point does nothing until a hook is installed. A crash test enumerates `registered()` and installs a hook
that kills the process at one of them; the end state must not depend on where.

>>> POINT = register("faults.example", "nothing")
>>> seen = []
>>> with installed(lambda name, moment: seen.append((name, moment))), POINT:
...     pass
>>> seen
[('faults.example', 'before'), ('faults.example', 'after')]
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

Moment = Literal["before", "after"]
Hook = Callable[[str, Moment], None]


def _pass(name: str, moment: Moment) -> None:
    return None


_points: dict[str, "FaultPoint"] = {}
_hook: Hook = _pass


@dataclass(frozen=True, slots=True)
class FaultPoint:
    """One durable write; used as `with POINT:` around it. "after" comes only when the write succeeded."""

    name: str
    writes: str

    def __enter__(self) -> None:
        _hook(self.name, "before")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            _hook(self.name, "after")


def register(name: str, writes: str) -> FaultPoint:
    """Register a point at import time; `writes` says in words what is written there. Names are unique."""
    point = FaultPoint(name, writes)
    if _points.setdefault(name, point) != point:
        raise ValueError(f"fault point {name}: registered twice, for {_points[name].writes!r} and {writes!r}")
    return point


def registered() -> tuple[FaultPoint, ...]:
    """All points of the modules imported so far, by name."""
    return tuple(_points[name] for name in sorted(_points))


def install(hook: Hook | None) -> Hook:
    """Set the hook of this process (None: back to doing nothing) and return the one before."""
    global _hook
    before, _hook = _hook, hook or _pass
    return before


@contextmanager
def installed(hook: Hook) -> Iterator[None]:
    """Install the hook for the length of a block."""
    before = install(hook)
    try:
        yield
    finally:
        install(before)
