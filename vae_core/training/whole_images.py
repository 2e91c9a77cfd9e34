"""Whole images to measure a model in training on: the held-out ones, or as many of the training images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from vae_core.training.batches import Batches
from vae_core.training.held_out import IMAGES_AT_ONCE, HeldOut


class WholeImages:
    """Never masked, weighed or shuffled; always the same ones."""

    def __init__(self, batches: Batches, count: int, held_out: HeldOut | None, device: str) -> None:
        self._batches, self._count, self._held_out, self._device = batches, count, held_out, device

    def read(self, most: int) -> Iterator[torch.Tensor]:
        """At most so many, evenly over all, as float32 (B, C, H, W) on [0, 1]."""
        count = self._count if self._held_out is None else len(self._held_out)
        rows = torch.from_numpy(np.linspace(0, count - 1, min(most, count)).astype(np.int64)).to(self._device)
        source = self._batches if self._held_out is None else self._held_out
        for some in torch.split(rows, IMAGES_AT_ONCE):
            yield source.images(some)
