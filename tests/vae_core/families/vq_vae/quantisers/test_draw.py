import torch

from vae_core.families.vq_vae.quantisers.draw import draw_tokens
from vae_core.ranks import ALONE


def _rows(n: int) -> torch.Tensor:
    return torch.arange(float(n))[:, None]


def test_chances_follow_the_weights():
    generator, weights, n = torch.Generator().manual_seed(0), torch.tensor([1.0, 2.0, 5.0, 0.0]), 4000
    drawn = torch.cat([draw_tokens(_rows(4), weights, 1, generator, ALONE) for _ in range(n)]).flatten().long()
    shares = torch.bincount(drawn, minlength=4) / n
    # five standard errors of a share, at most 0.5 / sqrt(n)
    assert (shares - weights / 8).abs().max() < 5 * 0.5 / n**0.5 and shares[3] == 0


def test_nothing_is_drawn_twice_before_everything_was_drawn_once():
    generator = torch.Generator().manual_seed(0)
    assert sorted(draw_tokens(_rows(9), torch.ones(9), 9, generator, ALONE).flatten().tolist()) == list(range(9))
    more = draw_tokens(_rows(4), torch.ones(4), 10, generator, ALONE).flatten().tolist()
    assert len(more) == 10 and set(more) == {0, 1, 2, 3}
