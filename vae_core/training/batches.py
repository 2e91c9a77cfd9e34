"""The images of each step: one uint8 tensor in memory, indexed per batch, in an order named by the seed."""

from __future__ import annotations

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.training.order import require_sampling_weights, uniform_order, weighted_order


class Batches:
    """Every epoch is an order from (seed, epoch), so that a step's images follow from its number alone.

    Without sampling weights it is a permutation; with them (N,) an image comes as often as its weight says. An
    epoch is the whole batches of it: the rest of the order waits for another epoch, and every step costs the
    same.
    """

    def __init__(
        self,
        images: np.ndarray,
        shape: tuple[int, int, int],
        *,
        batch_size: int,
        seed: int,
        device: str,
        weights: np.ndarray | None = None,
    ) -> None:
        self._images = place_images("train", images, shape, device)
        if weights is not None:
            require_sampling_weights(weights, len(images))
        self._weights = weights
        self.batch_size = min(batch_size, len(images))
        self._seed = seed
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)
        self.steps_per_epoch = len(images) // self.batch_size

    def indices(self, step: int) -> torch.Tensor:
        """Rows (B,) of the images of a step, counted from 0."""
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            order = self._draw(np.random.default_rng([self._seed, epoch]))
            self._epoch, self._order = epoch, torch.from_numpy(order).to(self._images.device)
        return self._order[position * self.batch_size : (position + 1) * self.batch_size]

    def images(self, indices: torch.Tensor) -> torch.Tensor:
        """Those images as float32 (B, C, H, W) on [0, 1]."""
        return to_input(self._images.index_select(0, indices))

    def _draw(self, generator: np.random.Generator) -> np.ndarray:
        if self._weights is None:
            return uniform_order(len(self._images), generator)
        return weighted_order(self._weights, generator)


def place_images(where: str, images: np.ndarray, shape: tuple[int, int, int], device: str) -> torch.Tensor:
    """Put images uint8 (N, C, H, W) onto the device; DataError when there are none, or of another kind."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != shape or len(images) == 0:
        raise DataError(
            f"{where}: expected at least one uint8 image of shape (N, {', '.join(map(str, shape))}), "
            f"came {images.dtype} {images.shape}; let preprocessing make the pixels, check the catalogue"
        )
    # torch warns about memory that it may not write to, and images often come from a file
    return torch.from_numpy(images if images.flags.writeable else images.copy()).to(device)


def to_input(pixels: torch.Tensor) -> torch.Tensor:
    """Scale uint8 pixels (B, C, H, W) to float32 on [0, 1], in the layout of the kernels."""
    return pixels.to(torch.float32, memory_format=torch.channels_last).div_(255)
