"""Micro-batches: requests that arrive together share a forward pass in the one thread that runs a version.

While a batch is in work the next one gathers by itself: without load nothing waits, under load batches fill.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from deploy.serving.config import ServingConfig
from deploy.serving.errors import Problem
from deploy.serving.versions.router import LoadedVersion
from vae_core.families.scores import Scores
from vae_core.inference import reconstruct_samples, score_images

_LOG = logging.getLogger("latentloop.serving")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of the images of one request; `sd` (B, C, H, W) only where samples were asked for.

    `image_ms`: milliseconds of the forward pass, shared evenly by the images of its batch.
    """

    scores: Scores
    sd: np.ndarray | None
    image_ms: float


@dataclass(frozen=True, slots=True)
class _Job:
    version: LoadedVersion
    pixels: np.ndarray
    samples: int
    seed: int
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Answer]


class Batcher:
    """Runs the models. `score` and `retire` belong to the event loop, the forward passes to the worker thread.

    `images_waiting`: images that wait or are in work; those of a request that gave up count until the thread has
    come past them, so that a thread that hangs cannot pile them up.
    """

    def __init__(self, config: ServingConfig, on_batch: Callable[[int], None]) -> None:
        self._batch_max, self._wait_s = config.batch_max, config.batch_wait_ms / 1000
        self._limit, self._threads = config.queue_limit, config.threads
        self._on_batch = on_batch
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="serving-torch", daemon=True)
        self._open: dict[asyncio.Future[Answer], str] = {}
        self._begun_at: float | None = None
        self.images_waiting = 0

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def end(self) -> None:
        """Finish what is queued, then end; call it when no request comes any more."""
        self._jobs.put(None)

    def join(self, timeout_s: float | None = None) -> None:
        """Wait for the end, at most `timeout_s` seconds."""
        self._thread.join(timeout_s)

    def retire(self, patience_s: float) -> None:
        """End, and wait for nothing: who is queued gets an answer, or `Problem` 503 from a pass of `patience_s`."""
        self.end()
        self._give_up_when_stuck(patience_s)

    def _give_up_when_stuck(self, patience_s: float) -> None:
        if not self._open:
            return
        begun_at = self._begun_at
        left_s = patience_s if begun_at is None else begun_at + patience_s - time.monotonic()
        if left_s > 0:
            asyncio.get_running_loop().call_later(left_s, self._give_up_when_stuck, patience_s)
            return
        _LOG.error("version %s hangs and left the release: its thread is left behind", next(iter(self._open.values())))
        for done, version in self._open.items():
            if not done.done():
                done.set_exception(Problem(503, f"version {version} hangs and left the release; try again"))

    async def score(self, version: LoadedVersion, pixels: np.ndarray, *, samples: int = 0, seed: int = 0) -> Answer:
        """Answer pixels uint8 (B, C, H, W); with `samples` >= 2 also the sd of that many draws.

        Raises `Problem` 503 when the queue is full, 500 when the model fails on the images.
        """
        count = len(pixels)
        if self.images_waiting + count > self._limit:
            raise Problem(503, f"{self.images_waiting} images wait, {self._limit} is the limit; try again")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Answer] = loop.create_future()
        self.images_waiting += count
        self._open[done] = version.version
        try:
            self._jobs.put(_Job(version, pixels, samples, seed, loop, done))
            return await done
        finally:
            del self._open[done]

    def _run(self) -> None:
        torch.set_num_threads(self._threads)
        while (job := self._jobs.get()) is not None:
            batch, last = self._gather(job)
            wanted: list[_Job] = []
            for job in batch:
                if job.done.done():  # given up meanwhile
                    self._deliver(job, None)
                else:
                    wanted.append(job)
            for same in _by_version(wanted):
                self._forward(same)
            if last:
                return

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        """Collect the jobs of one batch, and whether the end was seen among them."""
        batch, images = [first], len(first.pixels)
        deadline = time.monotonic() + self._wait_s
        while images < self._batch_max:
            try:
                job = (
                    self._jobs.get(timeout=max(0.0, deadline - time.monotonic()))
                    if self._wait_s
                    else self._jobs.get(False)
                )
            except queue.Empty:
                break
            if job is None:
                return batch, True
            batch.append(job)
            images += len(job.pixels)
        return batch, False

    def _forward(self, jobs: list[_Job]) -> None:
        """One pass for jobs of one version; a failure reaches all of them and ends nothing else."""
        version, left = jobs[0].version, deque(jobs)
        self._begun_at = time.monotonic()
        try:
            pixels = jobs[0].pixels if len(jobs) == 1 else np.concatenate([job.pixels for job in jobs])
            self._on_batch(len(pixels))
            begun = time.perf_counter()
            scores = score_images(version.artifact.model, pixels, batch_size=self._batch_max)
            image_ms = (time.perf_counter() - begun) * 1000 / len(pixels)
            start = 0
            for job in jobs:
                stop = start + len(job.pixels)
                answer = _answer(job, scores.rows(start, stop), image_ms)
                self._deliver(left.popleft(), answer)
                start = stop
                self._begun_at = time.monotonic()  # draws take long: as long as jobs get done nothing hangs
        except Exception as error:  # whatever a model does, the thread that runs all models goes on
            _LOG.exception("version %s failed on a batch", version.version)
            for job in left:
                self._deliver(job, Problem(500, f"version {version.version} failed: {type(error).__name__}"))
        finally:
            self._begun_at = None

    def _deliver(self, job: _Job, result: Answer | Problem | None) -> None:
        """Settle a job on its event loop, once; None for one that nobody waits for."""

        def settle() -> None:
            self.images_waiting -= len(job.pixels)
            if result is None or job.done.done():  # the request was cancelled, or has its answer already
                return
            if isinstance(result, Problem):
                job.done.set_exception(result)
            else:
                job.done.set_result(result)

        with contextlib.suppress(RuntimeError):  # a version that hung comes back when the loop has ended
            job.loop.call_soon_threadsafe(settle)


def _by_version(batch: list[_Job]) -> list[list[_Job]]:
    groups: dict[str, list[_Job]] = {}
    for job in batch:
        groups.setdefault(job.version.digest, []).append(job)
    return list(groups.values())


def _answer(job: _Job, scores: Scores, image_ms: float) -> Answer | Problem:
    if not scores.all_finite():
        return Problem(500, f"version {job.version.version} answered with numbers that are not finite")
    if not job.samples:
        return Answer(scores, None, image_ms)
    model = job.version.posterior
    assert model is not None, "a request for samples reaches no version without draws of z"
    generator = torch.Generator().manual_seed(job.seed)
    _, sd = reconstruct_samples(model, job.pixels, job.samples, generator)
    return Answer(scores, sd, image_ms)
