"""A lane for each version that answers: who hangs or dawdles holds up only itself, the champion like any other.

A lane belongs to a digest and goes where the version goes: a canary that is promoted, a previous one that comes
back keep theirs. That of a version that left the release ends by itself, or is left behind with what hangs in it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import numpy as np

from deploy.serving.config import ServingConfig
from deploy.serving.errors import Problem
from deploy.serving.versions.batcher import Answer, Batcher
from deploy.serving.versions.router import LoadedVersion, Slots

# Seconds that all lanes together get at the end: nobody waits for an answer then.
STOP_S = 1.0


class Lanes:
    """Batchers by the digest of their version. Belongs to the event loop; `stop` to whoever owns it."""

    def __init__(self, config: ServingConfig, on_batch: Callable[[int], None]) -> None:
        self._config, self._on_batch = config, on_batch
        self._lanes: dict[str, Batcher] = {}

    @property
    def images_waiting(self) -> int:
        """Images that wait or are in work, in all lanes of loaded versions."""
        return sum(lane.images_waiting for lane in list(self._lanes.values()))

    def follow(self, slots: Slots) -> None:
        """Open the champion's lane, retire those of versions that left; the others open when somebody comes.

        A lane that hangs is given up as soon as its pass has taken `beside_timeout_s`, and never waited for.
        """
        loaded = {version.digest for _, version in slots.named()}
        for digest in self._lanes.keys() - loaded:
            self._lanes.pop(digest).retire(self._config.beside_timeout_s)
        if slots.champion is not None:
            self._lane(slots.champion)

    def stop(self) -> None:
        """End all lanes; one whose version hangs is left behind."""
        deadline = time.monotonic() + STOP_S
        for lane in self._lanes.values():
            lane.end()
        for lane in self._lanes.values():
            lane.join(max(0.0, deadline - time.monotonic()))

    async def score(
        self, version: LoadedVersion, slots: Slots, pixels: np.ndarray, *, samples: int = 0, seed: int = 0
    ) -> Answer:
        """See `Batcher.score`; `Problem` 503 also when the version takes too long, a champion far too long."""
        champion = slots.champion is not None and version.digest == slots.champion.digest
        limit_s = self._config.champion_timeout_s if champion else self._config.beside_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._lane(version).score(version, pixels, samples=samples, seed=seed)
        except TimeoutError as error:
            raise Problem(503, f"version {version.version} did not answer within {limit_s:g} s") from error

    def _lane(self, version: LoadedVersion) -> Batcher:
        lane = self._lanes.get(version.digest)
        if lane is None:
            lane = Batcher(self._config, self._on_batch)
            lane.start()
            self._lanes[version.digest] = lane
        return lane
