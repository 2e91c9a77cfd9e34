"""Whether anybody still works on a run: its flow renews a lease in the ledger, and Prefect cannot see a kill.

When a worker and its flow process are killed, Prefect shows the run as running for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from deploy.stores.orchestrator import RunState
from deploy.stores.sql.ledger import Trigger

PATIENCE = 3.0  # leases; a living run renews four times within each


class Pulse:
    """Signs of life as this process sees them come: no other machine's clock is believed."""

    def __init__(self, lease_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.patience_s = PATIENCE * lease_s
        self._clock, self._since = clock, clock()
        self._sign: object = None

    def stopped(self, state: RunState, trigger: Trigger | None) -> bool:
        """True once a run that claims to be running has given no sign for three leases."""
        sign = (trigger.owner, trigger.attempt, trigger.state, trigger.alive_until) if trigger is not None else None
        if state.type not in ("RUNNING", "CANCELLING") or sign != self._sign:
            self._sign, self._since = sign, self._clock()
        return self._clock() - self._since > self.patience_s
