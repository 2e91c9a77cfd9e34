"""What a score says of itself, as a reason or a card quotes it."""

import pytest

from vae_core.evaluation.benchmark_result import FrechetScore
from vae_core.evaluation.distances.frechet_interval import FrechetEstimate


@pytest.mark.parametrize(
    ("n_a", "n_b", "dim", "small"),
    [(5000, 5000, 1280, False), (5000, 4999, 1280, True), (5000, 5000, 5000, True)],
)
def test_a_distance_of_too_few_images_says_so(n_a: int, n_b: int, dim: int, small: bool) -> None:
    score = FrechetScore.of(FrechetEstimate(30.0, 0.5, 29.0, 31.0, n_a, n_b), "efflite0", dim)
    assert score.n_too_small is small
    assert str(score) == f"fd_efflite0 30.00 [29.00, 31.00] (n={n_b}{', n too small' if small else ''})"
