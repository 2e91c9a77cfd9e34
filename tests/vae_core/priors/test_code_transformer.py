"""The network alone: who may know what, and whether the kept keys and values say the same as a whole pass."""

import pytest
import torch

from vae_core.priors.code_prior import build_code_prior
from vae_core.priors.code_prior_config import CodePriorConfig
from vae_core.priors.code_transformer import (
    CodeTransformer,
    Dropout,
    attend_causally,
    known_neighbours,
    neighbours_at,
)
from vae_core.training.objectives.precision import autocast

GRIDS = [(3, 4), (4, 3), (1, 5), (5, 1), (1, 1)]


def network(grid=(3, 4), size=11) -> CodeTransformer:
    config = CodePriorConfig(grid=grid, codebook_size=size, width=16, depth=2, heads=2)
    built = build_code_prior(config, seed=3).network
    with torch.no_grad():  # as loud as a trained one: first weights of 0.02 hide mistakes under rounding
        for name, parameter in built.named_parameters():
            if "norm" not in name:
                parameter.mul_(10)
    return built.eval()


def some_codes(n: int, grid, size=11, seed=0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, size, (n, grid[0] * grid[1]), generator=generator)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("grid", GRIDS)
def test_a_code_changes_no_logits_up_to_its_own_and_all_after_it(grid, precision):
    net, codes = network(grid), some_codes(6, grid)
    with torch.no_grad(), autocast(precision, "cpu"):
        before = net(codes)
        for changed in range(codes.shape[1]):
            other = codes.clone()
            other[:, changed] = (other[:, changed] + 1) % 11
            moved = (net(other) != before).any(dim=2).any(dim=0).tolist()
            assert moved == [position > changed for position in range(codes.shape[1])]


@pytest.mark.parametrize("grid", GRIDS)
def test_cached_steps_give_the_logits_of_a_whole_pass(grid):
    net, codes = network(grid), some_codes(5, grid)
    cache = net.empty_cache(5)
    with torch.no_grad():
        whole = net(codes)
        for position in range(codes.shape[1]):
            # what is not drawn yet holds anything in the cached pass
            unknown = codes.clone()
            unknown[:, position:] = 7
            assert (net.step(unknown, position, cache) - whole[:, position]).abs().max() < 1e-5


@pytest.mark.parametrize("grid", GRIDS)
def test_neighbours_of_one_position_are_those_of_all(grid):
    codes = some_codes(2, grid)
    every = known_neighbours(codes, grid, none=11)
    for position in range(codes.shape[1]):
        assert torch.equal(neighbours_at(codes, position, grid, none=11), every[:, :, position])


def test_neighbours_are_before_above_above_left_and_above_right():
    codes = torch.arange(6).view(1, 6)  # 0 1 2 / 3 4 5
    near = known_neighbours(codes, (2, 3), none=9)[:, 0].T.tolist()
    assert near == [[9, 9, 9, 9], [0, 9, 9, 9], [1, 9, 9, 9], [2, 0, 9, 1], [3, 1, 0, 2], [4, 2, 1, 9]]


def test_the_formula_of_attention_is_the_fused_kernel():
    q, k, v = torch.randn(3, 2, 4, 9, 8, generator=torch.Generator().manual_seed(0))
    fused = attend_causally(q, k, v)
    written_out = attend_causally(q.bfloat16(), k.bfloat16(), v.bfloat16())
    # bfloat16 keeps 8 bits: 2^-8 of values up to 4, and of the shares that weigh them
    assert (fused - written_out).abs().max() < 0.05
    exact = torch.stack(
        [
            torch.softmax(q[:, :, i : i + 1].double() @ k[:, :, : i + 1].double().mT / 8**0.5, -1)
            @ v[:, :, : i + 1].double()
            for i in range(9)
        ],
        dim=2,
    ).squeeze(3)
    assert (fused - exact).abs().max() < 1e-6


def test_dropout_keeps_the_expectation_and_its_generator_names_it():
    ones = torch.ones(200, 100)
    first, again = (Dropout(0.25, torch.Generator().manual_seed(1))(ones) for _ in range(2))
    assert torch.equal(first, again)
    assert first.unique().tolist() == pytest.approx([0.0, 4 / 3])
    # 20,000 draws: the share of zeros has a deviation of 0.003, four of those
    assert abs(float((first == 0).float().mean()) - 0.25) < 0.013
    assert Dropout(0.0, torch.Generator())(ones) is ones


def test_dropout_reaches_the_blocks_only_when_it_is_given():
    net, codes = network(), some_codes(3, (3, 4))
    dropout = Dropout(0.5, torch.Generator().manual_seed(0))
    assert torch.equal(net(codes), net(codes))
    assert not torch.equal(net(codes, dropout), net(codes, dropout))


def test_first_weights_touch_no_global_generator():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again = (build_code_prior(CodePriorConfig(grid=(2, 2), codebook_size=3), seed=1) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    other = build_code_prior(CodePriorConfig(grid=(2, 2), codebook_size=3), seed=2)
    assert not torch.equal(first.network.positions, other.network.positions)
