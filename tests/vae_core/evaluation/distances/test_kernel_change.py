from __future__ import annotations

import numpy as np
import pytest

from vae_core.errors import DataError
from vae_core.evaluation.distances.kernel_change import kernel_reconstruction_change, kernel_sample_change
from vae_core.evaluation.distances.kid import kernel_distance

DIM = 16
TRIALS = 60


def draw(n: int, shift: float, random: np.random.Generator) -> np.ndarray:
    """Features moved by `shift` sd in every direction."""
    return random.normal(size=(n, DIM)) + shift


def distance_ratio(shift: float, base: float) -> float:
    random = np.random.default_rng(9)
    real = draw(1_500, 0, random)
    return (
        kernel_distance(real, draw(1_500, shift, random)).value / kernel_distance(real, draw(1_500, base, random)).value
    )


def test_the_change_is_that_of_the_two_kernel_distances() -> None:
    random = np.random.default_rng(0)
    real, ours, theirs = draw(200, 0, random), draw(300, 1.2, random), draw(250, 1, random)
    wanted = kernel_distance(real, ours).value / kernel_distance(real, theirs).value - 1
    found = kernel_sample_change(real, ours, theirs)
    assert found.value == pytest.approx(wanted, rel=1e-9) and found.low < wanted < found.high and found.n == 200


@pytest.mark.parametrize("n", [100, 300])
def test_equal_models_are_not_shown_to_differ_and_one_half_worse_is(n: int) -> None:
    """At 99 % one of 200 equal ones is worse by chance: of 60 more than 3 are one in 3,000 (binomial)."""
    random, worse = np.random.default_rng(n), 1.11
    assert 1.40 < distance_ratio(worse, 1) < 1.55
    equal = half_worse = 0
    for _ in range(TRIALS):
        real, champion = draw(n, 0, random), draw(400, 1, random)
        equal += kernel_sample_change(real, draw(400, 1, random), champion).low > 0
        half_worse += kernel_sample_change(real, draw(400, worse, random), champion).low > 0.05
    assert equal <= 3
    assert half_worse >= 0.9 * TRIALS


def test_reconstructions_of_one_model_do_not_differ_from_themselves_and_blurrier_ones_do() -> None:
    random = np.random.default_rng(1)
    real = draw(100, 0, random)
    champion = real + 0.5 + 0.1 * random.normal(size=real.shape)
    worse = real + 0.7 + 0.1 * random.normal(size=real.shape)
    same = kernel_reconstruction_change(real, champion, champion)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert kernel_reconstruction_change(real, worse, champion).low > 0.1


def test_sets_that_cannot_be_compared_are_one_line() -> None:
    some = np.ones((5, 3))
    with pytest.raises(DataError, match="at least 4"):
        kernel_sample_change(some[:3], some, some)
    with pytest.raises(DataError, match="same images"):
        kernel_reconstruction_change(some, some, some[:4])
