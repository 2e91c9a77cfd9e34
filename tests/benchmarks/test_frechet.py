"""The Fréchet benchmark measures equal things on equal terms."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import frechet
from benchmarks.form import Result
from benchmarks.frechet import Sizes, closed_form_result, coverage_results, rank_deficient_results, run
from benchmarks.peers.load import PeerMissing
from benchmarks.stopwatch import measure_interleaved, one_thread
from vae_core.evaluation.distances.frechet import frechet_distance
from vae_core.evaluation.distances.moments import measure_moments

TINY = Sizes(24, 200, 3, 0.0, 0.0, coverage_dim=3, coverage_n=100, draws=3)


def features(n: int, dim: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, dim)) @ rng.normal(size=(dim, dim)) + seed).astype(np.float32)


def by_name(results: list[Result]) -> dict[str, Result]:
    return {result.name: result for result in results}


def test_every_form_computes_the_same_distance() -> None:
    a, b = (measure_moments(features(200, 24, seed)) for seed in (0, 1))
    ours = frechet_distance(a, b)
    for form in (frechet.symmetric_distance, frechet.svdvals_distance, frechet.sqrtm_distance):
        assert form(a, b) == pytest.approx(ours, rel=1e-9)
    assert frechet.singular_values_distance(features(200, 24, 0), features(200, 24, 1)) == pytest.approx(ours, rel=1e-9)


def test_our_error_is_rounding_with_more_and_with_fewer_images_than_features() -> None:
    assert closed_form_result(measure_moments(features(200, 24, 0)), np.random.default_rng(0)).value < 1e-12
    for result in rank_deficient_results(features(10, 24, 0), features(12, 24, 1)):
        assert result.passed and result.value < 1e-6


def test_coverage_has_a_bar_on_both_sides() -> None:
    results = by_name(coverage_results(dim=3, n=200, draws=20, rng=np.random.default_rng(0)))
    share = results["interval_coverage"].value
    # 95 % of 20 is known to 4.9 %: four of those
    assert 0.75 <= share <= 1.0 and results["interval_coverage"].n == 20
    assert results["interval_coverage_off_by"].value == pytest.approx(abs(share - 0.95))
    assert results["interval_coverage_off_by"].passed == (abs(share - 0.95) <= 0.02)
    assert abs(results["bias_of_limit_over_distance"].value) < 0.1


def stand_in_for_torchmetrics(features_a: np.ndarray, features_b: np.ndarray) -> Callable[[], float]:
    return lambda: frechet_distance(measure_moments(features_a), measure_moments(features_b))


def test_all_forms_are_timed_once_a_round() -> None:
    results = by_name(run(TINY, stand_in_for_torchmetrics))
    names = ("cholesky_eigvalsh", "cholesky_eigvalsh_kept_factor", "cholesky_svdvals", "symmetric_eigh", "scipy_sqrtm")
    for name in (*names, "torchmetrics"):
        assert results[f"{name}_cpu_s"].n == 3 and results[f"{name}_cpu_s"].value >= 0
    assert results["relative_error"].passed and results["relative_error_vs_sqrtm"].passed
    assert results["speedup_vs_sqrtm"].limit == TINY.least_vs_sqrtm


def test_the_issues_bars_stand_on_the_full_run() -> None:
    assert (frechet.FULL.dim, frechet.FULL.n, frechet.FULL.draws) == (2048, 10_000, 300)
    assert (frechet.FULL.least_vs_sqrtm, frechet.FULL.least_vs_symmetric_eigh) == (8.0, 2.8)


class PeersMetric:
    """Stands for torchmetrics' metric where it is not installed, called as theirs is."""

    def __init__(self, feature: torch.nn.Module, compute_with_cache: bool) -> None:
        assert not compute_with_cache, "the second round would be answered from the first"
        self.network, self.sets = feature, {}

    def update(self, images: torch.Tensor, real: bool) -> None:
        features = self.network(images)
        assert features.dtype == torch.float64 and features.shape[1] == self.network.num_features
        self.sets[real] = measure_moments(features.numpy())

    def compute(self) -> torch.Tensor:
        return torch.tensor(frechet_distance(self.sets[True], self.sets[False]), dtype=torch.float64)


def test_torchmetrics_gets_our_features_as_they_are() -> None:
    a, b = features(200, 24, 0), features(150, 24, 1)
    theirs = frechet.torchmetrics_distance(
        a, b, load=lambda module: SimpleNamespace(FrechetInceptionDistance=PeersMetric)
    )
    assert theirs() == theirs() == frechet_distance(measure_moments(a), measure_moments(b))


def test_without_torchmetrics_one_line_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    def missing(module: str) -> object:
        raise PeerMissing(f"the peer {module} cannot be imported: install it")

    def measure(sizes: Sizes) -> list[Result]:
        assert sizes == frechet.QUICK
        return run(TINY, partial(frechet.torchmetrics_distance, load=missing))

    assert frechet.main(["--quick"], measure) == 2
    assert capsys.readouterr().err == "frechet: the peer torchmetrics.image.fid cannot be imported: install it\n"


def test_contestants_take_turns() -> None:
    order: list[str] = []

    def contestant(name: str) -> float:
        order.append(name)
        return float(len(order))

    seconds, values = measure_interleaved({"a": lambda: contestant("a"), "b": lambda: contestant("b")}, 2)
    assert order == ["a", "b", "a", "b"]
    assert {name: len(times) for name, times in seconds.items()} == {"a": 2, "b": 2}
    assert values == {"a": 3.0, "b": 4.0}


def test_one_thread_is_given_back_afterwards() -> None:
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
