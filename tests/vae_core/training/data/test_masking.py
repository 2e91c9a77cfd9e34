import pytest
import torch

from vae_core.training.data.masking import mask_patches


def holes(shape, share, patch_px, seed=0) -> torch.Tensor:
    return mask_patches(torch.ones(shape), share, patch_px, torch.Generator().manual_seed(seed)) == 0


@pytest.mark.parametrize("patch_px", [1, 4])
def test_the_share_of_what_is_blackened_is_the_one_asked_for(patch_px):
    found = holes((500, 1, 28, 28), 0.15, patch_px)
    patches = 500 * (28 // patch_px) ** 2
    # five standard errors of a share of independent patches
    assert found.float().mean().item() == pytest.approx(0.15, abs=5 * (0.15 * 0.85 / patches) ** 0.5)


def test_holes_are_whole_squares_on_a_grid_the_same_in_all_channels_and_others_in_each_image():
    found = holes((6, 3, 10, 14), 0.4, 4)
    assert torch.equal(found[:, 0], found[:, 1]) and torch.equal(found[:, 0], found[:, 2])
    for top in range(0, 10, 4):
        for left in range(0, 14, 4):
            square = found[:, 0, top : top + 4, left : left + 4].flatten(1)
            assert torch.equal(square.all(1), square.any(1))
    assert not torch.equal(found[0], found[1])


def test_a_generator_decides_the_holes_and_the_images_themselves_stay():
    x = torch.rand(4, 1, 8, 8)
    before = x.clone()
    one, same, other = (mask_patches(x, 0.3, 1, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other) and torch.equal(x, before)
    assert torch.equal(one[one != 0], x[one != 0])


def test_the_layout_of_the_kernels_is_kept():
    x = torch.rand(4, 3, 8, 8).to(memory_format=torch.channels_last)
    assert mask_patches(x, 0.3, 2, torch.Generator()).is_contiguous(memory_format=torch.channels_last)
