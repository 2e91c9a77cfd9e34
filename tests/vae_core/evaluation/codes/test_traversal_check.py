"""Traversals of decoders whose every movement is known."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from vae_core.errors import DataError, DivergenceError
from vae_core.evaluation.codes.traversal_check import FLOOR, check_traversals, prior_values, span_values
from vae_core.families.conv_vae.protocol import Posterior

STEPS = 24  # between 25 points


class PixelVae:
    """Pixel d is 0.5 plus a curve of unit d; the units beyond the last pixel move nothing. Four pixels."""

    variant = "conv_vae"

    def __init__(self, *curves: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.curves, self.latent_dim, self.largest_batch = curves, 6, 0

    def encode(self, x: torch.Tensor) -> Posterior:
        raise NotImplementedError

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        self.largest_batch = max(self.largest_batch, len(z))
        image = torch.full((len(z), 4), 0.5)
        for dim, curve in enumerate(self.curves):
            image[:, dim] += curve(z[:, dim])
        return image.view(-1, 1, 2, 2)

    def decode_logits(self, z: torch.Tensor) -> torch.Tensor:
        return torch.logit(self.decode(z))


def _even(z: torch.Tensor) -> torch.Tensor:
    return 0.1 * z


def _jump(z: torch.Tensor) -> torch.Tensor:
    return 0.4 * (z > 0.1).float()


def _faint(z: torch.Tensor) -> torch.Tensor:
    return 0.0005 * z


def _codes(n: int = 5, seed: int = 0) -> torch.Tensor:
    return torch.randn((n, 6), generator=torch.Generator().manual_seed(seed))


def test_an_even_unit_moves_as_far_as_its_slope_says_in_equal_steps() -> None:
    check = check_traversals(PixelVae(_even), _codes(), dims=[0])
    (unit,) = check.units
    # one pixel of four travels 0.6: the root of the mean square is half of it
    assert unit.moved == pytest.approx(0.3, rel=1e-5)
    assert unit.step_ratio == pytest.approx(1, rel=1e-3)
    assert (unit.n, unit.problem, check.failing_dims, check.problems) == (5, None, (), ())
    assert unit.moved_interval is not None and unit.moved_interval.n == 5


def test_a_unit_that_moves_nothing_one_that_is_faint_and_one_that_jumps_are_named_with_numbers() -> None:
    check = check_traversals(PixelVae(_even, _jump, _faint), _codes(), dims=[0, 1, 2, 5])
    assert check.failing_dims == (1, 2, 5)
    assert (check.still_dims, check.jumping_dims) == ((2, 5), (1,))
    assert check.problems == (
        f"unit 1 jumps: largest step {STEPS:.1f} times the mean step > 5 (n=5 paths)",
        "unit 2 moves pixels by 0.0015 < 0.0039 (n=5 paths)",
        "unit 5 moves pixels by 0 < 0.0039 (n=5 paths)",
    )
    assert check.units[2].step_ratio is None and check.units[3].moved == 0
    advice = " ".join(check.problems).lower()
    assert "beta" not in advice and "latent" not in advice


@pytest.mark.parametrize(("steepness", "fails"), [(1.5, False), (30.0, True)])
def test_the_largest_step_may_be_five_times_the_mean_step(steepness: float, fails: bool) -> None:
    def curve(z: torch.Tensor) -> torch.Tensor:
        return 0.4 * torch.tanh(steepness * z)

    check = check_traversals(PixelVae(curve), _codes(), dims=[0])
    values = 0.4 * np.tanh(steepness * np.linspace(-3, 3, 25))
    expected = np.abs(np.diff(values)).max() / np.abs(np.diff(values)).mean()
    assert check.units[0].step_ratio == pytest.approx(expected, rel=1e-4)
    assert bool(check.failing_dims) == fails == (expected > 5)


def test_a_unit_that_comes_back_has_moved() -> None:
    # its two ends look alike; the way between counts
    check = check_traversals(PixelVae(lambda z: 0.4 * torch.cos(z * math.pi / 3)), _codes(), dims=[0])
    assert check.units[0].moved == pytest.approx(0.4, rel=1e-4) and not check.failing_dims


def test_interpolations_run_from_each_code_to_its_partner() -> None:
    starts, ends = _codes(), _codes()
    starts[:, 0], ends[:, 0] = -2.0, 2.0
    starts[:, 1:], ends[:, 1:] = 0.0, 0.0
    ends[1] = starts[1]  # a pair without any way between
    model = PixelVae(_even, _jump)
    starts[2, 1], ends[2, 1] = -1.0, 1.0
    check = check_traversals(model, starts, dims=[], partners=ends)
    assert check.failing_pairs == (1, 2) and check.units == () and len(check.pairs) == 5
    assert (check.still_pairs, check.jumping_pairs) == ((1,), (2,))
    assert check.pairs[0].moved == pytest.approx(0.2, rel=1e-5)
    assert check.pairs[0].step_ratio == pytest.approx(1, rel=1e-3)
    assert check.pairs[1].moved == 0 and check.pairs[0].moved_interval is None
    assert check.problems[0] == "pair 1 moves pixels by 0 < 0.0039 (n=1 paths)"
    assert check.problems[1].startswith("pair 2 jumps: largest step ")


def test_values_of_another_prior_replace_the_span() -> None:
    draws = torch.randn((20_000, 6), generator=torch.Generator().manual_seed(0)) * torch.tensor([2.0, 1, 1, 1, 1, 1])
    values = prior_values(draws, points=11, span=1.0)
    assert values.shape == (11, 6)
    np.testing.assert_allclose(values[:, 0], np.linspace(-2, 2, 11), atol=0.08)
    check = check_traversals(PixelVae(_even), _codes(), dims=[0], values=values)
    assert check.units[0].moved == pytest.approx(0.1 * float(values[-1, 0] - values[0, 0]) / 2, rel=1e-4)
    assert span_values(3).tolist() == [-3, 0, 3]


def test_many_paths_are_decoded_some_at_a_time_to_the_same_numbers() -> None:
    model = PixelVae(_even, torch.tanh)
    codes = _codes(100)
    whole = check_traversals(model, codes, dims=[1])
    assert 25 <= model.largest_batch <= 512
    parts = [check_traversals(model, some[None], dims=[1]).units[0].moved for some in codes]
    assert whole.units[0].moved == pytest.approx(np.mean(parts), rel=1e-6)


def test_the_floor_is_one_grey_level() -> None:
    moved = 2 * FLOOR / 6  # one pixel of four, over the span of 6
    for slope, fails in ((1.02 * moved, False), (0.98 * moved, True)):
        check = check_traversals(PixelVae(lambda z, slope=slope: slope * z), _codes(), dims=[0])  # type: ignore[misc]
        assert bool(check.failing_dims) == fails


def test_unfit_arguments_are_refused_and_a_broken_decoder_named() -> None:
    model = PixelVae(_even)
    with pytest.raises(DataError, match=r"units on 0\.\.5, came \[6\]"):
        check_traversals(model, _codes(), dims=[6])
    with pytest.raises(DataError, match=r"partners \(5, 6\), came \(4, 6\)"):
        check_traversals(model, _codes(), dims=[0], partners=_codes(4))
    with pytest.raises(DataError, match=r"at least one code \(B, D\), came \(0, 6\)"):
        check_traversals(model, _codes()[:0], dims=[0])
    with pytest.raises(DataError, match=r"values \(S ≥ 3,\) or \(S, D\), came \(2,\)"):
        check_traversals(model, _codes(), dims=[0], values=torch.zeros(2))
    with pytest.raises(DivergenceError, match="NaN or infinity"):
        check_traversals(PixelVae(torch.log), _codes(), dims=[0])
