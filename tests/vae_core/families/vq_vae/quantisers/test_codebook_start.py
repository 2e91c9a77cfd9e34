import pytest
import torch

from tests.vae_core.two_ranks import run_on_two
from vae_core.errors import DataError
from vae_core.families.vq_vae.quantisers.codebook_start import fit_kmeans


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(5))
def test_inertia_never_rises_and_ends_where_float64_says(seed):
    tokens = torch.randn(600, 4, generator=_generator(seed))
    found = fit_kmeans(tokens, 40, _generator(seed), rounds=15)
    # each round's figure is rounded to float32 once
    assert (found.inertia.diff() <= 1e-6 * found.inertia[0]).all()
    final = torch.cdist(tokens.double(), found.centres.double()).min(1).values.square().mean()
    assert final <= found.inertia[-1] * (1 + 1e-6)


def test_a_round_of_lloyd_is_the_mean_of_each_cell():
    tokens = torch.randn(200, 3, generator=_generator())
    before, after = (fit_kmeans(tokens, 8, _generator(), rounds=rounds) for rounds in (3, 4))
    cell = torch.cdist(tokens.double(), before.centres.double()).argmin(1)
    for code in range(8):
        torch.testing.assert_close(
            after.centres[code].double(), tokens[cell == code].double().mean(0), rtol=1e-5, atol=1e-6
        )
    assert after.counts.tolist() == torch.bincount(cell, minlength=8).tolist()


def test_separated_clusters_are_all_found():
    corners = 100.0 * torch.cartesian_prod(*[torch.arange(4.0)] * 2)
    tokens = corners.repeat(30, 1) + torch.randn(480, 2, generator=_generator())
    centres = fit_kmeans(tokens, 16, _generator()).centres
    # one centre a cluster: the mean of 30 standard normals, within five standard errors
    assert torch.cdist(corners, centres).min(1).values.max() < 5 * (2 / 30) ** 0.5


def test_a_token_seen_a_thousand_times_takes_one_code_only():
    tokens = torch.cat([torch.zeros(1000, 3), torch.randn(60, 3, generator=_generator())])
    centres = fit_kmeans(tokens, 60, _generator()).centres
    assert len(centres.unique(dim=0)) >= 56, "3 of 60 codes are drawn evenly, the others away from it"


def test_a_generator_names_the_codes():
    tokens = torch.randn(100, 3, generator=_generator())
    one, same, other = (fit_kmeans(tokens, 10, _generator(seed)).centres for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_as_many_tokens_as_codes_become_the_codes():
    tokens = torch.randn(12, 3, generator=_generator())
    found = fit_kmeans(tokens, 12, _generator())
    assert found.inertia[-1] == 0 and found.counts.tolist() == [1] * 12


def test_fewer_tokens_than_codes_are_refused():
    with pytest.raises(DataError, match=r"at least 13 tokens for 13 codes, came 12; use a larger batch"):
        fit_kmeans(torch.zeros(12, 3), 13, _generator())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_tokens_that_are_not_finite_are_refused(value):
    tokens = torch.zeros(20, 3)
    tokens[3, 1] = value
    with pytest.raises(DataError, match="1 values of the tokens are NaN or infinite"):
        fit_kmeans(tokens, 4, _generator())


def test_two_ranks_find_the_codes_of_one_process_with_all_the_tokens():
    tokens = torch.randn(400, 4, generator=_generator())
    alone = fit_kmeans(tokens, 30, _generator(7))
    halves = tokens.view(2, 200, 4)
    one, two = run_on_two(lambda ranks: fit_kmeans(halves[ranks.rank], 30, _generator(7), ranks=ranks))
    assert torch.equal(one.centres, two.centres) and torch.equal(one.counts, two.counts)
    # sums of the same tokens in another order: 10 rounds of float32 rounding
    torch.testing.assert_close(one.centres, alone.centres, rtol=1e-5, atol=1e-5)
    assert torch.equal(one.counts, alone.counts)
