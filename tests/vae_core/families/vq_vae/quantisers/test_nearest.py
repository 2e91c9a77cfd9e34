"""The nearest code, against distances in float64."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vae_core.families.vq_vae.quantisers.nearest import nearest_codes


def _tokens(seed: int, n: int, k: int, d: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator), torch.randn(k, d, generator=generator)


def _oracle(tokens: torch.Tensor, codebook: torch.Tensor) -> torch.Tensor:
    return torch.cdist(tokens.double(), codebook.double(), compute_mode="donot_use_mm_for_euclid_dist").argmin(1)


@given(st.integers(0, 2**31), st.integers(1, 40), st.sampled_from([2, 7, 96, 128, 130, 160, 512]), st.integers(1, 9))
def test_no_code_is_nearer_in_float64_by_more_than_float32_can_tell(seed, n, k, d):
    tokens, codebook = _tokens(seed, n, k, d)
    exact = (tokens.double()[:, None] - codebook.double()).square().sum(2)
    excess = exact.gather(1, nearest_codes(tokens, codebook)[:, None])[:, 0] - exact.amin(1)
    # |e|² and d products, each rounded, of numbers no larger than these
    largest = codebook.square().sum(1).max() + 2 * tokens.norm(dim=1) * codebook.norm(dim=1).max()
    assert (excess <= 2 * (d + 2) * torch.finfo(torch.float32).eps * largest).all()


@pytest.mark.parametrize("elements", [1, 512, 3 * 512, 10_000])
def test_chunks_of_any_size_choose_the_same(elements):
    tokens, codebook = _tokens(0, 23, 512, 16)
    assert torch.equal(nearest_codes(tokens, codebook, elements), _oracle(tokens, codebook))


def test_every_code_is_nearest_to_itself():
    codebook = _tokens(0, 1, 1024, 64)[1]
    assert torch.equal(nearest_codes(codebook, codebook), torch.arange(1024))


def test_autocast_does_not_round_the_distances():
    tokens, codebook = _tokens(1, 300, 256, 8)
    with torch.autocast("cpu", torch.bfloat16):
        found = nearest_codes(tokens, codebook)
    assert torch.equal(found, _oracle(tokens, codebook))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_chooses_the_same():
    tokens, codebook = _tokens(2, 1000, 512, 64)
    assert torch.equal(nearest_codes(tokens.cuda(), codebook.cuda()).cpu(), _oracle(tokens, codebook))
