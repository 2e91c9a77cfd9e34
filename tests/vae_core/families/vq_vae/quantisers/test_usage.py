import math

import pytest
import torch

from vae_core.families.vq_vae.quantisers.usage import CodeUsage


def test_use_is_counted_over_batches():
    usage = CodeUsage(6)
    for batch in ([[0, 0], [1, 5]], [[5, 5], [0, 0]]):
        usage.add(torch.tensor(batch))
    assert usage.counts.tolist() == [4, 1, 0, 0, 0, 3] and usage.used == 3
    shares = [4 / 8, 1 / 8, 3 / 8]
    assert usage.perplexity == pytest.approx(math.exp(-sum(share * math.log(share) for share in shares)))


def test_an_even_use_has_the_perplexity_of_all_codes_and_a_single_code_of_one():
    even, single = CodeUsage(512), CodeUsage(512)
    even.add(torch.arange(512).repeat(3))
    single.add(torch.full((1000,), 7))
    assert even.perplexity == pytest.approx(512) and single.perplexity == 1.0


def test_before_the_first_token_nothing_is_used():
    usage = CodeUsage(4)
    assert usage.used == 0 and math.isnan(usage.perplexity)
