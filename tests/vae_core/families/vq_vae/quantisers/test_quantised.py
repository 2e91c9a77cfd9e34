"""Grids as tokens and back, and what is no grid of a quantiser."""

import pytest
import torch

from vae_core.errors import DataError
from vae_core.families.vq_vae.quantisers.quantised import (
    require_depth,
    require_finite,
    require_indices,
    to_grid,
    to_tokens,
)

GRID = torch.arange(2 * 3 * 4 * 5, dtype=torch.float32).view(2, 3, 4, 5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_tokens_are_the_vectors_of_all_places_row_by_row_and_make_the_grid_again(layout):
    grid = GRID.contiguous(memory_format=layout)
    tokens = to_tokens(grid)
    assert tokens.shape == (40, 3)
    assert torch.equal(tokens[20 + 2 * 5 + 4], GRID[1, :, 2, 4])
    assert torch.equal(to_grid(tokens, grid), GRID)


def test_in_the_layout_of_the_kernels_nothing_is_copied_and_bf16_becomes_float32():
    grid = GRID.contiguous(memory_format=torch.channels_last)
    assert to_tokens(grid).data_ptr() == grid.data_ptr()
    assert to_tokens(grid.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("shape", [(2, 4, 1, 1), (2, 3, 4), (0, 3, 4, 4), (2, 3, 0, 4)])
def test_what_is_no_grid_of_this_depth_is_refused(shape):
    require_depth(GRID, 3)
    with pytest.raises(DataError, match=r"expected a grid \(B, 3, h, w\), came .*; use the encoder of these codes"):
        require_depth(torch.zeros(shape), 3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_measure_that_is_not_finite_is_refused(value):
    require_finite(torch.tensor(1e30))
    with pytest.raises(DataError, match="NaN or infinite; look at the images and the weights"):
        require_finite(torch.tensor(value))


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        (torch.zeros(2, 4, dtype=torch.int64), r"expected int64 \(B, h, w\), came torch.int64 \(2, 4\)"),
        (torch.zeros(2, 4, 5, dtype=torch.int32), "came torch.int32"),
        (torch.zeros(0, 4, 5, dtype=torch.int64), r"came torch.int64 \(0, 4, 5\)"),
        (torch.tensor([[[0, 8]]]), "indices of 8 codes, 0 to 7, came 0 to 8"),
        (torch.tensor([[[-1, 3]]]), "came -1 to 3"),
    ],
)
def test_indices_are_a_grid_of_codes_that_exist(indices, message):
    require_indices(torch.tensor([[[0, 7]]]), 8)
    with pytest.raises(DataError, match=message):
        require_indices(indices, 8)
