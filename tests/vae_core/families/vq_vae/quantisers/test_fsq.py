import pytest
import torch

from vae_core.errors import DataError
from vae_core.families.vq_vae.quantisers.fsq import FiniteScalarQuantiser

LEVELS = [(8, 8, 8), (5, 4), (3, 2, 7, 5), (2,)]


@pytest.mark.parametrize("levels", LEVELS, ids=str)
def test_every_index_has_a_code_and_comes_back(levels):
    quantiser = FiniteScalarQuantiser(levels)
    indices = torch.arange(quantiser.codes).view(1, 1, -1)
    codes = quantiser.look_up(indices)
    assert codes.shape == (1, len(levels), 1, quantiser.codes)
    assert codes.min() >= -1 and codes.max() <= 1
    assert len(codes[0, :, 0].T.unique(dim=0)) == quantiser.codes

    # an input that the bound maps onto the code: its inverse by bisection, number by number
    low, high = torch.full_like(codes, -20.0), torch.full_like(codes, 20.0)
    halves = torch.tensor([float(level // 2) for level in levels]).view(1, -1, 1, 1)
    for _ in range(60):
        middle = (low + high) / 2
        bounded = quantiser._bound(middle.permute(0, 2, 3, 1).reshape(-1, len(levels)))
        value = bounded.view(1, 1, -1, len(levels)).permute(0, 3, 1, 2) / halves
        low, high = torch.where(value < codes, middle, low), torch.where(value < codes, high, middle)
    found = quantiser.quantise(middle, None)
    assert torch.equal(found.indices, indices)
    torch.testing.assert_close(found.z_q, codes)


@pytest.mark.parametrize("levels", LEVELS, ids=str)
def test_what_is_quantised_is_what_its_indices_mean(levels):
    quantiser = FiniteScalarQuantiser(levels)
    z_e = 3 * torch.randn(40, len(levels), 3, 2, generator=torch.Generator().manual_seed(0))
    found = quantiser.quantise(z_e, None)
    assert found.indices.shape == (40, 3, 2) and found.indices.min() >= 0 and found.indices.max() < quantiser.codes
    torch.testing.assert_close(found.z_q, quantiser.look_up(found.indices))
    assert found.commitment == 0 and found.codebook_loss == 0


def test_the_gradient_is_that_of_the_bound():
    quantiser = FiniteScalarQuantiser((5, 7))
    z_e = torch.randn(6, 2, 1, 1, generator=torch.Generator().manual_seed(0)).requires_grad_()
    quantiser.quantise(z_e, None).z_q.sum().backward()
    # odd levels have no offset: d/dz of tanh(z) · half / (L // 2), half = (L - 1) / 2 · 1.001
    expected = 1.001 * (1 - torch.tanh(z_e.detach()) ** 2)
    torch.testing.assert_close(z_e.grad, expected)


def test_extremes_fall_on_the_outermost_levels():
    quantiser = FiniteScalarQuantiser((8, 5))
    z_e = torch.tensor([-1e4, 1e4]).view(2, 1, 1, 1).expand(2, 2, 1, 1)
    assert quantiser.quantise(z_e, None).z_q.flatten(1).tolist() == [[-1.0, -1.0], [0.75, 1.0]]


def test_in_bf16_the_levels_are_exact_float32():
    quantiser = FiniteScalarQuantiser((8, 8, 8))
    with torch.autocast("cpu", torch.bfloat16):
        found = quantiser.quantise(torch.randn(4, 3, 2, 2).bfloat16(), None)
    assert found.z_q.dtype == torch.float32
    torch.testing.assert_close(found.z_q, quantiser.look_up(found.indices))


def test_nan_and_another_depth_are_refused():
    quantiser = FiniteScalarQuantiser((8, 8))
    with pytest.raises(DataError, match="NaN or infinite"):
        quantiser.quantise(torch.full((1, 2, 1, 1), float("nan")), None)
    with pytest.raises(DataError, match=r"expected a grid \(B, 2, h, w\), came \(1, 3, 1, 1\)"):
        quantiser.quantise(torch.zeros(1, 3, 1, 1), None)
    with pytest.raises(DataError, match="0 to 63, came 0 to 64"):
        quantiser.look_up(torch.tensor([[[0, 64]]]))
