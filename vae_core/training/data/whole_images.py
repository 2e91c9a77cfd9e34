"""Whole images to measure a model in training on: never masked, weighed or shuffled, and always the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from vae_core.training.data.batches import Batches, to_input
from vae_core.training.data.held_out import IMAGES_AT_ONCE, HeldOut
from vae_core.training.data.image_source import require_images


class WholeImages:
    """So many images, of which `read_rows` gives those of indices (B,) as float32 (B, C, H, W) on [0, 1]."""

    def __init__(self, count: int, read_rows: Callable[[torch.Tensor], torch.Tensor], device: str) -> None:
        self._count, self._read_rows, self._device = count, read_rows, device

    @classmethod
    def watched(cls, batches: Batches, count: int, held_out: HeldOut | None, device: str) -> WholeImages:
        """The held-out ones of a training, or its own where it has none."""
        if held_out is None:
            return cls(count, batches.images, device)
        return cls(len(held_out), held_out.images, device)

    @classmethod
    def given(cls, name: str, pixels: np.ndarray, shape: tuple[int, int, int], device: str) -> WholeImages:
        """Others, uint8 (N, C, H, W), which stay where they are; DataError, which says `name`, for unfit ones."""
        require_images(name, pixels, shape)
        return cls(len(pixels), lambda rows: to_input(torch.from_numpy(pixels[rows.cpu().numpy()]).to(device)), device)

    def read(self, most: int) -> Iterator[torch.Tensor]:
        """At most so many, evenly over all, as float32 (B, C, H, W) on [0, 1]."""
        rows = np.linspace(0, self._count - 1, min(most, self._count)).astype(np.int64)
        for some in torch.split(torch.from_numpy(rows).to(self._device), IMAGES_AT_ONCE):
            yield self._read_rows(some)
