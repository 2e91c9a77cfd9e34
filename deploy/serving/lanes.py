"""A lane for the champion and one for each other version that answers: who hangs or dawdles holds up only itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from deploy.serving.batcher import Answer, Batcher
from deploy.serving.config import ServingConfig
from deploy.serving.errors import Problem
from deploy.serving.router import LoadedVersion, Slots


class Lanes:
    """Batchers by version. Belongs to the event loop; `start` and `stop` to whoever owns it."""

    def __init__(self, config: ServingConfig, on_batch: Callable[[int], None]) -> None:
        self._config, self._on_batch = config, on_batch
        self._champion = Batcher(config, on_batch)
        self._beside: dict[str, Batcher] = {}

    @property
    def images_waiting(self) -> int:
        """Images that wait or are in work, in all lanes."""
        return sum(lane.images_waiting for lane in (self._champion, *list(self._beside.values())))

    def start(self) -> None:
        """Open the champion's lane; the others open when somebody comes."""
        self._champion.start()

    def stop(self) -> None:
        """Finish what is queued, then end; a lane whose version hangs is left behind."""
        self._champion.stop()
        for lane in self._beside.values():
            lane.stop(timeout_s=1)

    async def score(
        self, version: LoadedVersion, slots: Slots, pixels: np.ndarray, *, samples: int = 0, seed: int = 0
    ) -> Answer:
        """See `Batcher.score`; `Problem` 503 also when a version that is no champion takes too long."""
        if slots.champion is not None and version.digest == slots.champion.digest:
            return await self._champion.score(version, pixels, samples=samples, seed=seed)
        lane = self._lane_beside(version, slots)
        try:
            async with asyncio.timeout(self._config.beside_timeout_s):
                return await lane.score(version, pixels, samples=samples, seed=seed)
        except TimeoutError as error:
            raise Problem(
                503, f"version {version.version} did not answer within {self._config.beside_timeout_s:g} s"
            ) from error

    def _lane_beside(self, version: LoadedVersion, slots: Slots) -> Batcher:
        lane = self._beside.get(version.digest)
        if lane is None:
            loaded = {each.digest for _, each in slots.named()}
            for digest in self._beside.keys() - loaded:
                self._beside.pop(digest).end()
            lane = self._beside[version.digest] = Batcher(self._config, self._on_batch)
            lane.start()
        return lane
