"""The shadow: scores the other side of every answered request off the answer's path.

Bounded (images and bytes), droppable (what has no room is counted), and isolated: a thread of its own with its own
batches, one for each candidate. A candidate that raises, answers nonsense or is slow costs itself; one that hangs
keeps its thread, its queue fills and drops, and the next candidate gets another thread.
"""

from __future__ import annotations

from collections.abc import Callable

from data_checks.policy import InputPolicy
from deploy.serving.config import ServingConfig
from deploy.serving.metrics import Metrics
from deploy.serving.trial.shadow_worker import ShadowStatus, ShadowWorker
from deploy.serving.trial.sides import ShadowJob
from deploy.serving.versions.router import Pairing
from deploy.stores.sql.pairs import PairRow


class Shadow:
    """Hands jobs to the worker of the candidate that is on trial. `offer` and `status` are for the event loop."""

    def __init__(
        self, config: ServingConfig, policy: InputPolicy, offer_rows: Callable[[list[PairRow]], None], metrics: Metrics
    ) -> None:
        self._config, self._policy, self._offer_rows, self._metrics = config, policy, offer_rows, metrics
        self._worker: ShadowWorker | None = None

    def offer(self, job: ShadowJob) -> None:
        """Take a job if there is room; never waits. RuntimeError where the system gives no thread."""
        if self._worker is None or self._worker.digest != job.pairing.candidate.digest:
            self.stop(0)
            worker = ShadowWorker(job.pairing, self._config, self._policy, self._offer_rows, self._metrics)
            worker.start()
            self._worker = worker
        self._worker.offer(job)

    def status(self, pairing: Pairing | None) -> ShadowStatus:
        """How the scoring of this candidate goes on this replica since it came here."""
        if pairing is None or self._worker is None or self._worker.digest != pairing.candidate.digest:
            return ShadowStatus()
        return self._worker.status()

    @property
    def depth(self) -> int:
        """Images that wait or are in work."""
        return self._worker.status().waiting if self._worker is not None else 0

    def stop(self, timeout_s: float) -> None:
        """Score what waits for at most `timeout_s` seconds, drop and count the rest; waits for no hanging thread."""
        if self._worker is not None:
            self._worker.stop(timeout_s)
            self._worker = None
