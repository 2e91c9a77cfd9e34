"""Where telemetry rows go, also while the database is away: a replica answers without it, and catches up later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from deploy.stores.telemetry import RequestRow, Telemetry


class TelemetrySink(Protocol):
    """Takes rows in batches; `Telemetry` and `LateTelemetry` are its implementations."""

    def write(self, rows: Sequence[RequestRow]) -> None:
        """Append a batch: all of it or nothing; StoreUnavailable or StoreFull when it is worth trying again."""
        ...


class LateTelemetry:
    """A telemetry store that is opened when its database answers, at the first write at the latest."""

    def __init__(self, open_telemetry: Callable[[], Telemetry]) -> None:
        self._open_telemetry = open_telemetry
        self._telemetry: Telemetry | None = None

    def open(self) -> Telemetry:
        """Open it unless it is open; raises whatever `open_telemetry` raises."""
        if self._telemetry is None:
            self._telemetry = self._open_telemetry()
        return self._telemetry

    def write(self, rows: Sequence[RequestRow]) -> None:
        """See `TelemetrySink.write`."""
        self.open().write(rows)
