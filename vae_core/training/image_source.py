"""Where the pixels of a training lie: on the device, or in a file that is read a batch ahead."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch

from vae_core.describe_images import describe_images
from vae_core.errors import DataError


class ImageSource(Protocol):
    """Images uint8 (N, C, H, W) that are taken by their rows."""

    def rows(self, indices: torch.Tensor) -> torch.Tensor:
        """Those images (B, C, H, W) uint8 on the device; indices (B,) int64 are on it or on the CPU."""
        ...

    def expect(self, indices: torch.Tensor) -> None:
        """Hear which rows will be asked for next."""
        ...


class ResidentImages:
    """One tensor on the device: the quickest, where it fits."""

    def __init__(self, images: np.ndarray, device: str) -> None:
        # torch warns about memory that it may not write to, and images often come from a file
        self._images = torch.from_numpy(images if images.flags.writeable else images.copy()).to(device)

    def rows(self, indices: torch.Tensor) -> torch.Tensor:
        """Index the tensor."""
        return self._images.index_select(0, indices.to(self._images.device))

    def expect(self, indices: torch.Tensor) -> None:
        """Do nothing: all rows are here."""


class MappedImages:
    """A file that is mapped into memory, of which a thread reads the next batch while the device computes.

    Rows are read in the order of the file; for a GPU the batch is pinned and copied without waiting.
    """

    def __init__(self, images: np.memmap, device: str) -> None:
        self._images, self._device = images, torch.device(device)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._expected: tuple[torch.Tensor, Future[torch.Tensor]] | None = None

    def rows(self, indices: torch.Tensor) -> torch.Tensor:
        """Take the batch that was read ahead, or read it now when it was not expected."""
        indices = indices.cpu()
        if self._expected is not None and torch.equal(self._expected[0], indices):
            batch, self._expected = self._expected[1].result(), None
        else:
            batch = self._read(indices)
        return batch.to(self._device, non_blocking=True)

    def expect(self, indices: torch.Tensor) -> None:
        """Begin to read these rows."""
        if self._expected is None or not torch.equal(self._expected[0], indices):
            self._expected = (indices, self._reader.submit(self._read, indices))

    def _read(self, indices: torch.Tensor) -> torch.Tensor:
        rows = indices.numpy()
        order = np.argsort(rows, kind="stable")
        batch = np.empty((len(rows), *self._images.shape[1:]), np.uint8)
        batch[order] = self._images[rows[order]]
        tensor = torch.from_numpy(batch)
        return tensor.pin_memory() if self._device.type == "cuda" else tensor


def open_source(where: str, images: np.ndarray, shape: tuple[int, int, int], device: str) -> ImageSource:
    """Give images uint8 (N, C, H, W) of a mapped file batch by batch, all others from the device's memory.

    DataError when there are none, or of another kind.
    """
    require_images(where, images, shape)
    return MappedImages(images, device) if isinstance(images, np.memmap) else ResidentImages(images, device)


def require_images(where: str, images: np.ndarray, shape: tuple[int, int, int]) -> None:
    """DataError unless these are images uint8 (N, C, H, W) of the shape, N ≥ 1."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != shape or len(images) == 0:
        raise DataError(
            f"{where}: expected at least one uint8 image of shape (N, {', '.join(map(str, shape))}), "
            f"came {describe_images(images)}; let preprocessing make the pixels, check the catalogue"
        )
