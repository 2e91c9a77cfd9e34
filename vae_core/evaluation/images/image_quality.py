"""How close reconstructions are to their originals, pixel by pixel and in structure: MSE, PSNR, SSIM.

SSIM after Wang, Bovik, Sheikh & Simoncelli 2004 (equation 13): local means, variances and covariance under a Gaussian
window of 11 pixels and standard deviation 1.5, K1 = 0.01, K2 = 0.03, on data of range 1. Only positions at which the
whole window lies inside the image count, so no padding is invented: 18 x 18 of them at 28 pixels (torchmetrics 1.9
averages over reflected borders too, and differs by up to 0.2 on one image of that size; on the valid part it agrees).
An image smaller than the window gets the largest odd window that fits, its standard deviation in proportion. Colour:
the mean over channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.evaluation.mean_estimate import MeanEstimate, estimate_mean

BATCH_SIZE = 256
WINDOW, WINDOW_SD = 11, 1.5
C1, C2 = 0.01**2, 0.03**2


@dataclass(frozen=True, slots=True)
class Window:
    """The Gaussian window of an SSIM: its side and its standard deviation, pixels."""

    size: int
    sd: float


@dataclass(frozen=True, slots=True)
class ImageQuality:
    """Originals against reconstructions, n pairs of images on [0, 1].

    mse: per pixel and channel; lower is better. psnr_of_set_db: -10 log10 of that mean error, in decibels, with the
    ends of its interval; higher is better, None where every pair is equal. psnr_of_images_db: the mean of every image's
    own, over the pairs that differ at all (its n says how many; None below 2): it is never below that of the set.
    ssim: on [-1, 1], higher is better; `window` names what it was measured with.
    """

    n: int
    mse: MeanEstimate
    psnr_of_set_db: MeanEstimate | None
    psnr_of_images_db: MeanEstimate | None
    ssim: MeanEstimate
    window: Window


def measure_quality(
    originals: np.ndarray,
    reconstructions: np.ndarray,
    *,
    level: float = 0.95,
    batch_size: int = BATCH_SIZE,
    device: str = "cpu",
) -> ImageQuality:
    """Compare n ≥ 2 pairs (N, C, H, W), each array uint8 or floats on [0, 1]; DataError for anything else."""
    _require_pairs(originals, reconstructions)
    errors, similarities = [], []
    for x, y in _batches(originals, reconstructions, batch_size, device):
        errors.append((x - y).square().mean((1, 2, 3)))
        similarities.append(ssim_per_image(x, y))
    mse_of_images = torch.cat(errors)
    mse = estimate_mean(mse_of_images, level)
    return ImageQuality(
        n=len(originals),
        mse=mse,
        psnr_of_set_db=_psnr_of(mse),
        psnr_of_images_db=psnr_of_images(mse_of_images, level),
        ssim=estimate_mean(torch.cat(similarities), level),
        window=choose_window(*originals.shape[2:]),
    )


def psnr_of_images(mse: torch.Tensor, level: float = 0.95) -> MeanEstimate | None:
    """The mean over images of each one's own PSNR, in decibels, from their errors (N,); see `ImageQuality`."""
    differing = mse[mse > 0].double()
    return estimate_mean(-10 * torch.log10(differing), level) if len(differing) > 1 else None


def measure_ssim(
    originals: np.ndarray, reconstructions: np.ndarray, *, batch_size: int = BATCH_SIZE, device: str = "cpu"
) -> np.ndarray:
    """SSIM of each of N ≥ 1 pairs (N,) float64; the arrays as in `measure_quality`."""
    _require_pairs(originals, reconstructions, at_least=1)
    pairs = _batches(originals, reconstructions, batch_size, device)
    similarities: np.ndarray = torch.cat([ssim_per_image(x, y) for x, y in pairs]).cpu().numpy()
    return similarities


def ssim_per_image(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """SSIM of each pair (N,), float64, of images x and y (N, C, H, W) on [0, 1] on one device."""
    window = choose_window(x.shape[2], x.shape[3])
    x, y = x.double(), y.double()
    # of the variances only their sum is needed: four filtered maps instead of five
    mean_x, mean_y, mean_squares, mean_product = _average_locally(
        torch.stack([x, y, x.square() + y.square(), x * y]), window
    )
    product, squares = mean_x * mean_y, mean_x.square() + mean_y.square()
    luminance = (2 * product + C1) / (squares + C1)
    structure = (2 * (mean_product - product) + C2) / (mean_squares - squares + C2)
    similarities: torch.Tensor = (luminance * structure).flatten(1).mean(1)
    return similarities


def choose_window(height: int, width: int) -> Window:
    """Wang's 11 pixels, or the largest odd side that fits into the image."""
    shorter = min(height, width)
    size = min(WINDOW, shorter if shorter % 2 else shorter - 1)
    if size < 3:
        raise DataError(f"ssim: expected images of at least 3x3 pixels, came {height}x{width}; use the error alone")
    return Window(size, WINDOW_SD * size / WINDOW)


def _average_locally(maps: torch.Tensor, window: Window) -> torch.Tensor:
    """Gaussian-weighted means at every place where the window fits: the last two sides shrink by size - 1.

    Shifted sums along one axis after the other: in float64 on a processor quicker than a convolution.
    """
    distance = torch.arange(window.size, dtype=torch.float64) - window.size // 2
    weights = torch.exp(-0.5 * (distance / window.sd) ** 2)
    for axis in (-1, -2):
        places = maps.shape[axis] - window.size + 1
        total = torch.zeros_like(maps.narrow(axis, 0, places))
        for offset, weight in enumerate((weights / weights.sum()).tolist()):
            total.add_(maps.narrow(axis, offset, places), alpha=weight)
        maps = total
    return maps


def _psnr_of(mse: MeanEstimate) -> MeanEstimate | None:
    """In decibels; what is low as an error is high as a PSNR. An interval that reaches 0 has no upper end."""
    if mse.mean == 0:
        return None
    upper = -10 * math.log10(mse.low) if mse.low > 0 else math.inf
    return MeanEstimate(-10 * math.log10(mse.mean), -10 * math.log10(mse.high), upper, mse.n)


def _batches(
    originals: np.ndarray, reconstructions: np.ndarray, size: int, device: str
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for start in range(0, len(originals), size):
        rows = slice(start, start + size)
        yield _to_double(originals[rows], device), _to_double(reconstructions[rows], device)


def _to_double(images: np.ndarray, device: str) -> torch.Tensor:
    # a copy, since torch cannot hold a view of a read-only array
    tensor = torch.from_numpy(np.array(images)).to(device)
    return tensor.double() / 255 if tensor.dtype == torch.uint8 else tensor.double()


def _require_pairs(originals: np.ndarray, reconstructions: np.ndarray, at_least: int = 2) -> None:
    if originals.ndim != 4 or originals.shape != reconstructions.shape or len(originals) < at_least:
        raise DataError(
            f"image quality: expected two arrays of one shape (N ≥ {at_least}, C, H, W), came {originals.shape} and "
            f"{reconstructions.shape}; reconstruct the same images"
        )
    for name, images in (("originals", originals), ("reconstructions", reconstructions)):
        if images.dtype == np.uint8:
            continue
        if not np.issubdtype(images.dtype, np.floating):
            raise DataError(f"image quality: expected {name} as uint8 or floats, came {images.dtype}; convert them")
        if not (images.min() >= 0 and images.max() <= 1):  # NaN fails both
            raise DataError(
                f"image quality: expected {name} on [0, 1], came {images.min():g} to {images.max():g}; "
                "give the decoder's means"
            )
