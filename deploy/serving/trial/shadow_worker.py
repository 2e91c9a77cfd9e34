"""One candidate's shadow: a bounded queue, and a thread that scores what waits, batch by batch.

The thread is no `nice` one on purpose: where other processes fill the cores, a nice thread that holds the GIL gets
no processor and holds up the answers (p99 17.8 ms at nice 19, 12.2 at 0, 5.9 without a shadow; 2 cores, load 9).
Using the idle time of the thread that answers was no better (12.7), and a version that hangs would stop it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from data_checks.policy import InputPolicy
from deploy.serving.config import ServingConfig
from deploy.serving.metrics import Metrics
from deploy.serving.trial.shadow_scoring import score_missing
from deploy.serving.trial.sides import ShadowJob, Side, pair_rows
from deploy.serving.versions.router import Pairing
from deploy.stores.sql.pairs import PairRow

_LOG = logging.getLogger("latentloop.serving")


@dataclass(frozen=True, slots=True)
class ShadowStatus:
    """How one candidate's scoring goes, in images; `stuck_s`: seconds that the batch in work has taken."""

    waiting: int = 0
    scored: int = 0
    failed: int = 0
    dropped: int = 0
    stuck_s: float = 0.0


class ShadowWorker:
    """One candidate's queue and thread. A job stays in the queue until it is scored, so the bound holds for all."""

    def __init__(
        self,
        pairing: Pairing,
        config: ServingConfig,
        policy: InputPolicy,
        offer_rows: Callable[[list[PairRow]], None],
        metrics: Metrics,
    ) -> None:
        self.digest = pairing.candidate.digest
        self._version = pairing.candidate.version
        self._config, self._policy, self._offer_rows, self._metrics = config, policy, offer_rows, metrics
        self._jobs: deque[ShadowJob] = deque()
        self._images = self._bytes = 0
        self._scored = self._failed = self._dropped = 0
        self._begun_at: float | None = None
        self._stopping = self._abandoned = False
        self._said: set[str] = set()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"serving-shadow-{self._version}", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def status(self) -> ShadowStatus:
        """How it goes."""
        begun_at = self._begun_at
        stuck_s = 0.0 if begun_at is None else time.monotonic() - begun_at
        return ShadowStatus(self._images, self._scored, self._failed, self._dropped, stuck_s)

    def offer(self, job: ShadowJob) -> None:
        """Take a job if there is room, else count it."""
        images, size = job.images, job.size
        with self._changed:
            if (
                self._stopping
                or self._images + images > self._config.shadow_queue
                or self._bytes + size > self._config.shadow_queue_bytes
            ):
                self._drop(images)
                return
            self._jobs.append(job)
            self._images += images
            self._bytes += size
            if self._images == images or self._images >= self._config.shadow_batch:
                self._changed.notify()

    def stop(self, timeout_s: float) -> None:
        """Take nothing more; work for at most `timeout_s` seconds, then drop and count what waits."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout_s)
        with self._changed:
            self._abandoned = True
            self._drop(self._images)
            self._jobs.clear()
            self._images = self._bytes = 0

    def _drop(self, images: int) -> None:
        self._dropped += images
        self._metrics.pairs_dropped.labels(self._version).inc(images)

    def _run(self) -> None:
        torch.set_num_threads(1)  # of this thread's operations: the answers keep the others
        while batch := self._next_batch():
            self._begun_at = time.monotonic()
            try:
                self._work(batch)
            except Exception:  # a bug of ours must not end the evidence about this candidate
                _LOG.exception("shadow of version %s: %d requests are not compared", self._version, len(batch))
                self._drop(sum(job.images for job in batch))
            finally:
                self._begun_at = None
                self._forget(batch)

    def _next_batch(self) -> list[ShadowJob]:
        """Wait for a batch, or `shadow_wait_ms` after its first job; empty only when stopping with nothing left."""
        with self._changed:
            while not (self._jobs or self._stopping):
                self._changed.wait()
            deadline = time.monotonic() + self._config.shadow_wait_ms / 1000
            while self._images < self._config.shadow_batch and not self._stopping:
                if (left_s := deadline - time.monotonic()) <= 0:
                    break
                self._changed.wait(left_s)
            batch: list[ShadowJob] = []
            images = 0
            for job in self._jobs:
                if batch and images + job.images > self._config.shadow_batch:
                    break
                batch.append(job)
                images += job.images
            return batch

    def _forget(self, batch: list[ShadowJob]) -> None:
        with self._changed:
            for job in batch:
                if self._jobs and self._jobs[0] is job:  # else `stop` has emptied the queue meanwhile
                    self._jobs.popleft()
                    self._images -= job.images
                    self._bytes -= job.size

    def _work(self, batch: list[ShadowJob]) -> None:
        for jobs in _by_missing(batch):
            for job, sides in zip(jobs, score_missing(jobs, self._policy, self._config.shadow_batch), strict=True):
                self._pair(job, sides)

    def _pair(self, job: ShadowJob, sides: list[Side]) -> None:
        by_candidate = job.missing is job.pairing.candidate
        champion, candidate = (job.answered, sides) if by_candidate else (sides, job.answered)
        rows = pair_rows(job.visit, job.pairing, job.answered_by, champion, candidate, self._config.replica)
        failures = [side.failure for side in sides if side.failure is not None]
        with self._changed:
            if self._abandoned:  # counted as dropped
                return
            self._offer_rows(rows)
            self._scored += len(rows) - len(failures)
            self._failed += len(failures)
        self._metrics.pairs.labels(self._version, job.missing.version, "failed").inc(len(failures))
        self._metrics.pairs.labels(self._version, job.missing.version, "scored").inc(len(rows) - len(failures))
        self._say_new(job.missing.version, failures)

    def _say_new(self, version: str, failures: Iterable[str]) -> None:
        """One line in the log for each reason, as long as there are few."""
        for failure in failures:
            if failure not in self._said and len(self._said) < 20:
                self._said.add(failure)
                _LOG.error("shadow: version %s %s; further ones are counted", version, failure)


def _by_missing(batch: list[ShadowJob]) -> list[list[ShadowJob]]:
    groups: dict[str, list[ShadowJob]] = {}
    for job in batch:
        groups.setdefault(job.missing.digest, []).append(job)
    return list(groups.values())
