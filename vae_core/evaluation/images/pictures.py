"""Pictures of a model as uint8 arrays: (rows·H, columns·W) for grey, (rows·H, columns·W, 3) for colour.

Whoever shows them draws and labels; nothing here knows a plotting library.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.evaluation.images.decoding import decode_pixels, quantize
from vae_core.families.conv_vae.protocol import Vae
from vae_core.families.registry import family_of
from vae_core.families.variants import AnyModel
from vae_core.inference import score_images
from vae_core.priors.sampling import SamplingPrior


@dataclass(frozen=True, slots=True, eq=False)
class WorstReconstructions:
    """The images that a model reconstructs worst: a grid of pairs, their rows in the set, their errors."""

    grid: np.ndarray
    rows: tuple[int, ...]
    recon_error: tuple[float, ...]


def tile_images(images: np.ndarray, columns: int) -> np.ndarray:
    """Lay images (N, C, H, W) uint8 out row by row; N must be a multiple of columns."""
    if images.ndim != 4 or len(images) == 0 or len(images) % columns:
        raise DataError(f"pictures: expected a multiple of {columns} images of shape (N, C, H, W), came {images.shape}")
    count, channels, height, width = images.shape
    grid = images.reshape(count // columns, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    flat = np.ascontiguousarray(grid).reshape(count // columns * height, columns * width, channels)
    return flat[:, :, 0] if channels == 1 else flat


def reconstruction_grid(
    model: AnyModel, pixels: np.ndarray, columns: int | None = None, device: str = "cpu"
) -> np.ndarray:
    """Show each image (N, C, H, W) uint8 above its reconstruction.

    All stand in one pair of rows unless columns says less; N must be a multiple of columns.
    """
    columns = columns or len(pixels)
    reconstructions = quantize(score_images(model, pixels, device=device).reconstruction)
    pairs = [
        image
        for start in range(0, len(pixels), columns)
        for row in (pixels, reconstructions)
        for image in row[start : start + columns]
    ]
    return tile_images(np.array(pairs), columns)


def sample_grid(
    model: AnyModel,
    prior: SamplingPrior | None,
    *,
    rows: int,
    columns: int,
    seed: int,
    device: str = "cpu",
) -> np.ndarray:
    """Decode rows x columns draws from the prior; without one from N(0, I).

    DataError for a VQ-VAE without a prior over its codes: there is nothing to draw from.
    """
    sources = family_of(model).find_sources(model, prior)
    if not sources:
        raise DataError("pictures: expected a prior over the codes of a VQ-VAE, came none; fit one to draw samples")
    codes = sources[-1].draw(rows * columns, torch.Generator().manual_seed(seed))
    return tile_images(decode_pixels(model, codes, device), columns)


def traversal_grid(
    model: Vae,
    mu_row: np.ndarray,
    dims: Sequence[int],
    span: float = 3.0,
    steps: int = 9,
    device: str = "cpu",
) -> np.ndarray:
    """Move one code (D,) of a VAE along each dimension from -span to +span prior deviations: one row a dimension.

    `dims` usually come from `LatentSummary.dims_by_kl`.
    """
    codes = torch.tensor(mu_row, dtype=torch.float32).repeat(len(dims) * steps, 1)
    values = torch.linspace(-span, span, steps)
    for row, dim in enumerate(dims):
        codes[row * steps : (row + 1) * steps, dim] = values
    return tile_images(decode_pixels(model, codes, device), steps)


def worst_reconstructions(
    model: AnyModel, pixels: np.ndarray, count: int = 8, device: str = "cpu"
) -> WorstReconstructions:
    """Show the images with the largest recon_error, the worst first, each above its reconstruction."""
    errors = score_images(model, pixels, device=device).recon_error
    rows = np.argsort(-errors, kind="stable")[:count]
    return WorstReconstructions(
        grid=reconstruction_grid(model, pixels[rows], device=device),
        rows=tuple(int(row) for row in rows),
        recon_error=tuple(float(errors[row]) for row in rows),
    )
