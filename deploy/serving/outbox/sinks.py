"""Where rows go, also while their database is away: a replica answers without it, and catches up later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

Row = TypeVar("Row")
Taken = TypeVar("Taken", contravariant=True)


class Sink(Protocol[Taken]):
    """Takes rows in batches; `Telemetry`, `Pairs` and `LateSink` are its implementations."""

    def write(self, rows: Sequence[Taken], /) -> None:
        """Append a batch: all of it or nothing; StoreUnavailable or StoreFull when it is worth trying again."""
        ...


class LateSink(Generic[Row]):
    """A store that is opened when its database answers, at the first write at the latest."""

    def __init__(self, open_store: Callable[[], Sink[Row]]) -> None:
        self._open_store = open_store
        self._store: Sink[Row] | None = None

    def open(self) -> Sink[Row]:
        """Open it unless it is open; raises whatever `open_store` raises."""
        if self._store is None:
            self._store = self._open_store()
        return self._store

    def write(self, rows: Sequence[Row], /) -> None:
        """See `Sink.write`."""
        self.open().write(rows)
