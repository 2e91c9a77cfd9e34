"""The canary's circuit breaker: after some failures in a row it gets nothing more here, whatever the release says."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from deploy.serving.errors import Problem
from deploy.serving.metrics import Metrics
from deploy.serving.versions.follower import ReplicaState, Trouble

_LOG = logging.getLogger("latentloop.serving")
# 409: no reference to score against. 422, 400: refused, which is the canary's own doing only by its own validation.
_ITS_OWN = frozenset({409, 500, 503})
_AT_ITS_GATE = frozenset({400, 422})


def canary_failed(error: Exception, *, own_validation: bool) -> bool:
    """Whether a request that the canary did not answer is to be asked of the champion: not when the client erred."""
    if not isinstance(error, Problem):
        return True
    return error.status in _ITS_OWN or (own_validation and error.status in _AT_ITS_GATE)


@dataclass(frozen=True, slots=True)
class _Watched:
    digest: str = ""
    epoch: int = -1


class CircuitBreaker:
    """Counts failures in a row; lives on the event loop. A new digest or a higher epoch begins anew."""

    def __init__(self, failures_to_stop: int, metrics: Metrics) -> None:
        self._failures_to_stop, self._metrics = failures_to_stop, metrics
        self._watched = _Watched()
        self._failures = 0
        self._last = ""

    def answered(self, state: ReplicaState) -> None:
        """Note a request that the canary of this state answered, unless it is stopped already."""
        if self._is_watched(state) and not self._stopped:
            self._failures = 0

    def failed(self, state: ReplicaState, reason: str) -> None:
        """Note a request that the champion had to answer for the canary of this state."""
        canary = state.slots.canary
        if canary is None or not self._is_watched(state):
            return
        self._metrics.canary_failures.labels(canary.version).inc()
        self._failures += 1
        self._last = reason
        if self._failures == self._failures_to_stop:
            _LOG.error(
                "canary: version %s is stopped here after %d failures: %s", canary.version, self._failures, reason
            )

    def stops(self, state: ReplicaState) -> bool:
        """Whether the canary of this state gets nothing here."""
        return state.slots.canary is not None and self._stopped and _key(state) == self._watched

    def applied(self, state: ReplicaState) -> ReplicaState:
        """The state as this replica lives it: the release's, or with a canary share of 0 and the reason."""
        canary = state.slots.canary
        if canary is None or not self.stops(state):
            return state
        trouble = Trouble(
            "canary_share",
            f"version {canary.version} failed {self._failures} requests in a row, the champion answered them and "
            f"the share is 0 here until the next release says which versions serve: {self._last}",
        )
        return replace(state, slots=replace(state.slots, canary_share=0.0), troubles=(*state.troubles, trouble))

    @property
    def _stopped(self) -> bool:
        return self._failures >= self._failures_to_stop

    def _is_watched(self, state: ReplicaState) -> bool:
        """Turn to the canary of a newer release; False for a request that began under an older one."""
        key = _key(state)
        if key.epoch < self._watched.epoch:
            return False
        if key != self._watched:
            self._watched, self._failures, self._last = key, 0, ""
        return True


def _key(state: ReplicaState) -> _Watched:
    return _Watched(state.slots.canary.digest if state.slots.canary else "", state.epoch)
