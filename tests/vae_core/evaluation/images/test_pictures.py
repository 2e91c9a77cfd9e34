"""Pictures are arrays in which every pixel is where it belongs."""

import numpy as np
import pytest
import torch

from tests.vae_core.linear_vae import SIDE, LinearVae, draw_images
from vae_core.errors import DataError
from vae_core.evaluation.images.pictures import (
    reconstruction_grid,
    sample_grid,
    tile_images,
    traversal_grid,
    worst_reconstructions,
)
from vae_core.priors.gaussian_mixture import fit_mixture


def _tile(grid: np.ndarray, row: int, column: int) -> np.ndarray:
    return grid[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]


def test_tiles_stand_row_by_row_grey_flat_and_colour_last() -> None:
    images = np.random.default_rng(0).integers(0, 255, size=(6, 3, 4, 5), dtype=np.uint8)
    grid = tile_images(images, columns=3)
    assert grid.shape == (8, 15, 3)
    np.testing.assert_array_equal(grid[4:8, 5:10], images[4].transpose(1, 2, 0))
    assert tile_images(images[:, :1], columns=2).shape == (12, 10)


@pytest.mark.parametrize("count", [0, 5])
def test_a_grid_that_does_not_fill_its_rows_is_refused(count: int) -> None:
    with pytest.raises(DataError, match="multiple of 3"):
        tile_images(np.zeros((count, 1, 4, 4), np.uint8), columns=3)


def test_each_image_stands_above_its_reconstruction() -> None:
    pixels = draw_images(6)
    grid = reconstruction_grid(LinearVae(), pixels, columns=3)
    assert grid.shape == (4 * SIDE, 3 * SIDE)
    assert grid.dtype == np.uint8
    np.testing.assert_array_equal(_tile(grid, 2, 1), pixels[4, 0])
    below = _tile(grid, 3, 1)
    np.testing.assert_array_equal(below[0, :2], pixels[4, 0, 0, :2])
    assert (below[1:] == 128).all()


def test_samples_come_from_the_prior_that_is_given() -> None:
    standard = sample_grid(LinearVae(), None, rows=2, columns=5, seed=0)
    assert standard.shape == (2 * SIDE, 5 * SIDE)
    np.testing.assert_array_equal(standard, sample_grid(LinearVae(), None, rows=2, columns=5, seed=0))
    codes = torch.tensor([[1.0, -1.0, 0.0]]) + 1e-3 * torch.randn((50, 3), generator=torch.Generator().manual_seed(0))
    fitted = sample_grid(LinearVae(), fit_mixture(codes, components=1), rows=1, columns=2, seed=0)
    # pixel = 0.5 ± 1/4; the fit's floor on a variance, 1e-4, is 0.01 / 4 of a pixel's range
    np.testing.assert_allclose(_tile(fitted, 0, 1)[0, :2], [0.75 * 255, 0.25 * 255], atol=4)


def test_a_traversal_moves_one_dimension_a_row_from_end_to_end() -> None:
    mu = np.array([0.4, -0.4, 0.0], dtype=np.float32)
    grid = traversal_grid(LinearVae(), mu, dims=(1, 0), span=1.0, steps=5)
    assert grid.shape == (2 * SIDE, 5 * SIDE)
    moved = [int(_tile(grid, 0, step)[0, 1]) for step in range(5)]
    np.testing.assert_allclose(moved, 255 * (0.5 + np.linspace(-1, 1, 5) / 4), atol=0.51)
    assert {int(_tile(grid, 0, step)[0, 0]) for step in range(5)} == {round(255 * 0.6)}


def test_the_worst_images_come_first_with_their_errors() -> None:
    pixels = draw_images(20)
    pixels[7, :, 1:], pixels[3, :, 1:] = 255, 230
    worst = worst_reconstructions(LinearVae(), pixels, count=2)
    assert worst.rows == (7, 3)
    assert worst.recon_error[0] > worst.recon_error[1]
    np.testing.assert_array_equal(_tile(worst.grid, 0, 0), pixels[7, 0])
    assert worst.grid.shape == (2 * SIDE, 2 * SIDE)
