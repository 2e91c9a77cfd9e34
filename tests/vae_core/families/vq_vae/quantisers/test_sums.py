"""What tokens say of each code, against a product with one-hot rows."""

import torch

from tests.vae_core.two_ranks import run_on_two
from vae_core.families.vq_vae.quantisers.sums import sum_by_code
from vae_core.ranks import ALONE, Ranks

TOKENS = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
INDICES = torch.randint(0, 5, (60,), generator=torch.Generator().manual_seed(1))
"""Of 8 codes: the last three are chosen by none."""


def test_counts_and_sums_are_those_of_a_one_hot_product_in_float64():
    counts, sums = sum_by_code(TOKENS, INDICES, 8, ALONE)
    one_hot = torch.nn.functional.one_hot(INDICES, 8).double()
    assert torch.equal(counts.double(), one_hot.sum(0)) and counts.dtype == torch.float32
    torch.testing.assert_close(sums.double(), one_hot.T @ TOKENS.double(), rtol=1e-5, atol=1e-5)
    assert not counts[5:].any() and not sums[5:].any()


def test_two_processes_have_the_sums_of_both():
    def work(ranks: Ranks) -> tuple[torch.Tensor, torch.Tensor]:
        return sum_by_code(ranks.own(TOKENS), ranks.own(INDICES), 8, ranks)

    (counts, sums), other = run_on_two(work)
    assert torch.equal(counts, other[0]) and torch.equal(sums, other[1]), "bitwise equal across ranks"
    whole = sum_by_code(TOKENS, INDICES, 8, ALONE)
    assert torch.equal(counts, whole[0])
    torch.testing.assert_close(sums, whole[1], rtol=1e-5, atol=1e-5)
