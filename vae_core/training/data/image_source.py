"""Where the pixels of a training lie: on the device, or in memory or a file that is read a batch ahead."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.images.describe_images import describe_images

RESIDENT_SHARE = 0.5
"""Of the memory that a GPU has free before a training, at most, for its images.

The rest is for what comes after them: weights, gradients, Adam's two moments, a mean of the weights, and activations,
whose size follows from the batch and is not known here.
"""


class ImageSource(Protocol):
    """Images uint8 (N, C, H, W) that are taken by their rows."""

    def rows(self, indices: torch.Tensor) -> torch.Tensor:
        """Those images (B, C, H, W) uint8 on the device; indices (B,) int64 are on it or on the CPU."""
        ...

    def expect(self, indices: torch.Tensor) -> None:
        """Hear which rows will be asked for next."""
        ...

    def close(self) -> None:
        """End whatever reads ahead; nothing is asked for any more."""
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

    def close(self) -> None:
        """Do nothing: nothing reads ahead."""


class StreamedImages:
    """An array in memory or of a mapped file, of which a thread reads the next batch while the device computes.

    Rows are read in the order of the array; for a GPU the batch is pinned and copied without waiting.
    """

    def __init__(self, images: np.ndarray, device: str) -> None:
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

    def close(self) -> None:
        """End the thread, after the batch that it reads."""
        self._expected = None
        self._reader.shutdown(cancel_futures=True)

    def _read(self, indices: torch.Tensor) -> torch.Tensor:
        rows = indices.numpy()
        order = np.argsort(rows, kind="stable")
        batch = np.empty((len(rows), *self._images.shape[1:]), np.uint8)
        batch[order] = self._images[rows[order]]
        tensor = torch.from_numpy(batch)
        return tensor.pin_memory() if self._device.type == "cuda" else tensor


def free_device_bytes(device: str) -> int | None:
    """Of a GPU's memory, what a training could take now; None of the CPU, where images in memory lie already."""
    if torch.device(device).type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    # torch keeps what the images and weights of a training before left, and gives it out again
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def open_source(
    where: str,
    images: np.ndarray,
    shape: tuple[int, int, int],
    device: str,
    free_bytes: Callable[[str], int | None] = free_device_bytes,
) -> ImageSource:
    """Give images uint8 (N, C, H, W) from the device's memory where they fit, batch by batch otherwise.

    A mapped file is always read batch by batch; an array in memory where it is more than `RESIDENT_SHARE` of what
    `free_bytes` says of the device. DataError when there are no images, or of another kind.
    """
    require_images(where, images, shape)
    free = free_bytes(device)
    fits = free is None or images.nbytes <= RESIDENT_SHARE * free
    if isinstance(images, np.memmap) or not fits:
        return StreamedImages(images, device)
    return ResidentImages(images, device)


def require_images(where: str, images: np.ndarray, shape: tuple[int, int, int]) -> None:
    """DataError unless these are images uint8 (N, C, H, W) of the shape, N ≥ 1."""
    fits = isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.ndim == 4 and len(images) > 0
    if not fits or images.shape[1:] != shape:
        raise DataError(
            f"{where}: expected at least one uint8 image of shape (N, {', '.join(map(str, shape))}), "
            f"came {describe_images(images)}; let preprocessing make the pixels, check the catalogue"
        )
