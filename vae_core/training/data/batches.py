"""The images of each step: rows of the training's images, in an order named by the seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.ranks import ALONE, Ranks
from vae_core.training.data.image_source import ImageSource, free_device_bytes, open_source, require_images
from vae_core.training.data.order import require_sampling_weights, uniform_order, weighted_order


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Images that the encoder sees, and what the decoder is to make of them: uint8 (P, C, H, W) each, row by row.

    share: of every batch, that is drawn from the pairs in place of as many images.
    """

    inputs: np.ndarray
    targets: np.ndarray
    share: float = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What the encoder sees and what the decoder is to make of it, float32 (B, C, H, W) on [0, 1] each."""

    seen: torch.Tensor
    target: torch.Tensor


class Batches:
    """Every epoch is an order from (seed, epoch), so that a step's images follow from its number alone.

    Without sampling weights it is a permutation; with them (N,) an image comes as often as its weight says. An
    epoch is the whole batches of it: the rest of the order waits for another epoch, and every step costs the
    same. With pairs the last rows of each batch are drawn from them. Of several `ranks` each takes its part.
    `free_bytes` says what of the device's memory is left for the images, see `open_source`.
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
        pairs: Pairs | None = None,
        ranks: Ranks = ALONE,
        free_bytes: Callable[[str], int | None] = free_device_bytes,
    ) -> None:
        self._source = open_source("train", images, shape, device, free_bytes)
        if weights is not None:
            require_sampling_weights(weights, len(images))
        self._count, self._weights, self._ranks, self._seed = len(images), weights, ranks, seed
        self.batch_size = min(batch_size, len(images))
        require_even_parts(self.batch_size, ranks)
        self._pairs = None if pairs is None else _PairSource(pairs, shape, self.batch_size, seed, device)
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)
        self.steps_per_epoch = len(images) // self.batch_size

    def indices(self, step: int) -> torch.Tensor:
        """Rows (B,) of the images of a step, counted from 0."""
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            order = self._draw(np.random.default_rng([self._seed, epoch]))
            self._epoch, self._order = epoch, torch.from_numpy(order)
        return self._order[position * self.batch_size : (position + 1) * self.batch_size]

    def take(self, step: int) -> Batch:
        """The images of a step; those of the next are read meanwhile."""
        target = to_input(self._source.rows(self._ranks.own(self.indices(step))))
        self._source.expect(self._ranks.own(self.indices(step + 1)))
        if self._pairs is None:
            return Batch(target, target)
        return self._pairs.put_into(target, step, self._ranks)

    def images(self, indices: torch.Tensor) -> torch.Tensor:
        """The images of rows (B,), float32 (B, C, H, W) on [0, 1]."""
        return to_input(self._source.rows(indices))

    def close(self) -> None:
        """End what reads ahead; no batch is taken any more."""
        self._source.close()
        if self._pairs is not None:
            self._pairs.close()

    def _draw(self, generator: np.random.Generator) -> np.ndarray:
        if self._weights is None:
            return uniform_order(self._count, generator)
        return weighted_order(self._weights, generator)


class _PairSource:
    """Puts drawn pairs at the end of each batch."""

    def __init__(self, pairs: Pairs, shape: tuple[int, int, int], batch_size: int, seed: int, device: str) -> None:
        for name, images in (("inputs", pairs.inputs), ("targets", pairs.targets)):
            require_images(f"train: {name} of pairs", images, shape)
        if len(pairs.inputs) != len(pairs.targets) or not 0 < pairs.share <= 0.5:
            raise DataError(
                f"train: expected as many inputs as targets and a share of pairs above 0 and at most 0.5, came "
                f"{len(pairs.inputs)}, {len(pairs.targets)} and {pairs.share:g}; damage the targets row by row"
            )
        self._inputs: ImageSource = open_source("train: inputs of pairs", pairs.inputs, shape, device)
        self._targets: ImageSource = open_source("train: targets of pairs", pairs.targets, shape, device)
        self._count, self._seed = len(pairs.inputs), seed
        self._replaced = min(batch_size, max(1, round(pairs.share * batch_size)))

    def put_into(self, target: torch.Tensor, step: int, ranks: Ranks) -> Batch:
        """Replace the last rows of the whole batch, of which target (n, C, H, W) is this rank's part."""
        whole, first = ranks.size * len(target), ranks.rank * len(target)
        rows = np.arange(first, first + len(target))
        mine = torch.from_numpy(np.flatnonzero(rows >= whole - self._replaced)).to(target.device)
        # a third stream of (seed, step), so that a step's pairs follow from its number alone
        drawn = np.random.default_rng([self._seed, step, 1]).integers(0, self._count, self._replaced)
        chosen = torch.from_numpy(drawn[np.maximum(rows - (whole - self._replaced), 0)][rows >= whole - self._replaced])
        seen = target.clone()
        if len(mine):
            seen[mine] = to_input(self._inputs.rows(chosen))
            target[mine] = to_input(self._targets.rows(chosen))
        return Batch(seen, target)

    def close(self) -> None:
        """End what reads ahead."""
        self._inputs.close()
        self._targets.close()


def require_even_parts(batch_size: int, ranks: Ranks) -> None:
    """DataError unless a batch can be cut into as many equal parts as there are processes."""
    if batch_size % ranks.size:
        raise DataError(
            f"train: expected a batch size that {ranks.size} processes can share evenly, came {batch_size}; "
            "choose a multiple of them, and at least as many images"
        )


def place_images(where: str, images: np.ndarray, shape: tuple[int, int, int], device: str) -> torch.Tensor:
    """Put images uint8 (N, C, H, W) onto the device; DataError when there are none, or of another kind."""
    require_images(where, images, shape)
    # torch warns about memory that it may not write to, and images often come from a file
    return torch.from_numpy(images if images.flags.writeable else images.copy()).to(device)


def to_input(pixels: torch.Tensor) -> torch.Tensor:
    """Scale uint8 pixels (B, C, H, W) to float32 on [0, 1], in the layout of the kernels."""
    return pixels.to(torch.float32, memory_format=torch.channels_last).div_(255)
