"""Our Fréchet distance against the usual ones, interleaved, in CPU seconds on one thread; its error; its intervals.

    python -m benchmarks.frechet [--quick] [--json FILE]

The moments are given; what is timed is covariances and distance: our Cholesky with `eigvalsh` (alone, and with the
reference's factor kept), the symmetric form (one `eigh`, one `eigvalsh`), two Cholesky factors with `svdvals`, scipy's
`sqrtm` of the product, which most FID code calls, and torchmetrics' `compute` (`eigvals` of the product).

`relative_error` is against a closed form: with S2 = T S1 T, tr (S1 S2)^(1/2) is tr (S1 T), and no root is computed.
With fewer images than features we are compared with the symmetric form, which rounds, and with the singular values of
the features, which do not need a covariance.

`interval_coverage`: share of fresh pairs of sets whose interval holds the distance that is expected at this n; it says
nothing of the bias, so it holds the distance of the two distributions less often. The interval of the extrapolation to
infinite n is there for that one.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
import torch

from benchmarks.form import Result, make_report, publish_report
from benchmarks.peers.load import PeerMissing, load_peer
from benchmarks.stopwatch import measure_interleaved, one_thread
from vae_core.evaluation.distances.fid_infinity import frechet_limit
from vae_core.evaluation.distances.frechet import factor_covariance, frechet_distance
from vae_core.evaluation.distances.frechet_interval import frechet_interval, prepare_features
from vae_core.evaluation.distances.moments import Moments, measure_moments

LEVEL, COVERAGE_TOLERANCE = 0.95, 0.02


@dataclass(frozen=True, slots=True)
class Sizes:
    """Width and number of the features that are timed and of those that coverage is simulated with; the bars of speed.

    A narrow distance has less to win: products and copies are a larger share of every form.
    """

    dim: int
    n: int
    rounds: int
    least_vs_symmetric_eigh: float
    least_vs_sqrtm: float
    coverage_dim: int
    coverage_n: int
    draws: int


FULL = Sizes(2_048, 10_000, 3, 2.8, 8.0, coverage_dim=64, coverage_n=2_000, draws=300)
QUICK = Sizes(512, 2_000, 5, 1.5, 4.0, coverage_dim=16, coverage_n=500, draws=300)


Peer = Callable[[np.ndarray, np.ndarray], Callable[[], float]]
"""Takes two sets of features in, and answers with what computes their distance."""


def run(sizes: Sizes, peer: Peer | None = None) -> list[Result]:
    """Measure speed and error on correlated features, then simulate the intervals.

    `peer`: torchmetrics without one; PeerMissing where it is not installed.
    """
    rng = np.random.default_rng(0)
    a, b = (_draw(sizes.n, _mixing(sizes.dim, rng), shift, rng).astype(np.float32) for shift in (0.0, 0.1))
    with one_thread():
        return [
            *speed_results(a, b, sizes, peer or torchmetrics_distance),
            closed_form_result(measure_moments(a), rng),
            *rank_deficient_results(a[: sizes.dim // 2], b[: sizes.dim // 2]),
            *coverage_results(sizes.coverage_dim, sizes.coverage_n, sizes.draws, rng),
        ]


def speed_results(features_a: np.ndarray, features_b: np.ndarray, sizes: Sizes, peer: Peer) -> list[Result]:
    """Time every form on the same two sets of features (N, D), and compare what they compute."""
    a, b = measure_moments(features_a), measure_moments(features_b)
    factor = factor_covariance(a)
    seconds, values = measure_interleaved(
        {
            "cholesky_eigvalsh": lambda: frechet_distance(a, b),
            "cholesky_eigvalsh_kept_factor": lambda: frechet_distance(a, b, factor),
            "cholesky_svdvals": lambda: svdvals_distance(a, b),
            "symmetric_eigh": lambda: symmetric_distance(a, b),
            "scipy_sqrtm": lambda: sqrtm_distance(a, b),
            "torchmetrics": peer(features_a, features_b),
        },
        sizes.rounds,
    )
    value, ours = values["cholesky_eigvalsh"], seconds["cholesky_eigvalsh"]
    return [
        *(Result.of(f"{name}_cpu_s", times, "CPU s") for name, times in seconds.items()),
        _speedup("speedup_vs_symmetric_eigh", seconds["symmetric_eigh"], ours, sizes.least_vs_symmetric_eigh),
        _speedup("speedup_vs_sqrtm", seconds["scipy_sqrtm"], ours, sizes.least_vs_sqrtm),
        _speedup("speedup_vs_torchmetrics", seconds["torchmetrics"], ours),
        Result.of("relative_error_vs_sqrtm", abs(value / values["scipy_sqrtm"] - 1), "1", limit=1e-6),
        Result.of("relative_error_vs_symmetric_eigh", abs(value / values["symmetric_eigh"] - 1), "1"),
        Result.of("torchmetrics_relative_difference", abs(value / values["torchmetrics"] - 1), "1", limit=1e-3),
    ]


def closed_form_result(a: Moments, rng: np.random.Generator) -> Result:
    """Our error against |m1 - m2|² + tr S1 + tr T S1 T - 2 tr S1 T, T a random positive definite transport map."""
    root = torch.from_numpy(rng.normal(size=(a.dim, a.dim)) / np.sqrt(a.dim))
    transport = root @ root.T + 0.1 * torch.eye(a.dim, dtype=torch.float64)
    mean, covariance = a.mean + 0.1, transport @ a.covariance @ transport
    covariance = (covariance + covariance.T) / 2
    b = Moments(a.n, a.n * mean, (a.n - 1) * covariance + a.n * torch.outer(mean, mean))
    expected = _assemble(a.mean - b.mean, a.covariance, covariance, float((a.covariance * transport).sum()))
    return Result.of("relative_error", abs(frechet_distance(a, b) / expected - 1), "1", limit=1e-6)


def rank_deficient_results(features_a: np.ndarray, features_b: np.ndarray) -> list[Result]:
    """Our error with fewer images than features, whose covariances are singular."""
    a, b = measure_moments(features_a), measure_moments(features_b)
    value = frechet_distance(a, b)
    expected = singular_values_distance(features_a, features_b)
    return [
        Result.of("rank_deficient_relative_error", abs(value / symmetric_distance(a, b) - 1), "1", limit=1e-6),
        Result.of("rank_deficient_relative_error_vs_singular_values", abs(value / expected - 1), "1", limit=1e-6),
    ]


def coverage_results(dim: int, n: int, draws: int, rng: np.random.Generator) -> list[Result]:
    """Simulate how often the intervals hold what they are for, on two Gaussians of a known distance."""
    mixings, shift = [_mixing(dim, rng) for _ in range(2)], 0.1
    truth = frechet_distance(_exact_moments(mixings[0], 0.0, n), _exact_moments(mixings[1], shift, n))
    estimates, limits = [], []
    for _ in range(draws):
        a = prepare_features(_draw(n, mixings[0], 0.0, rng))
        b = _draw(n, mixings[1], shift, rng)
        estimates.append(frechet_interval(a, b, LEVEL))
        limits.append(frechet_limit(a, b, rng, level=LEVEL))
    expected = float(np.mean([estimate.value for estimate in estimates]))
    at_n, at_infinity = (
        float(np.mean([each.low <= aim <= each.high for each in found]))
        for found, aim in ((estimates, expected), (limits, truth))
    )
    biased = float(np.mean([each.low <= truth <= each.high for each in estimates]))
    return [
        *_coverage("interval_coverage", at_n, draws),
        Result.of("interval_coverage_of_the_distance_at_infinity", biased, "1", n=draws),
        *_coverage("limit_interval_coverage", at_infinity, draws),
        Result.of("bias_at_n_over_distance", expected / truth - 1, "1", n=draws),
        Result.of("bias_of_limit_over_distance", float(np.mean([e.value for e in limits])) / truth - 1, "1", n=draws),
    ]


def symmetric_distance(a: Moments, b: Moments) -> float:
    """Take S1^(1/2) from an eigendecomposition and the roots of the eigenvalues of S1^(1/2) S2 S1^(1/2)."""
    covariance_a, covariance_b = a.covariance, b.covariance
    eigenvalues, vectors = torch.linalg.eigh(covariance_a)
    root = (vectors * eigenvalues.clamp_min(0).sqrt()) @ vectors.T
    product = root @ covariance_b @ root
    cross = torch.linalg.eigvalsh((product + product.T) / 2).clamp_min(0).sqrt().sum()
    return _assemble(a.mean - b.mean, covariance_a, covariance_b, float(cross))


def svdvals_distance(a: Moments, b: Moments) -> float:
    """Take the sum of the singular values of L1ᵀ L2, two Cholesky factors."""
    covariance_a, covariance_b = a.covariance, b.covariance
    product = torch.linalg.cholesky(covariance_a).T @ torch.linalg.cholesky(covariance_b)
    cross = float(torch.linalg.svdvals(product).sum())
    return _assemble(a.mean - b.mean, covariance_a, covariance_b, cross)


def sqrtm_distance(a: Moments, b: Moments) -> float:
    """Take the trace of scipy's square root of S1 S2, its imaginary part thrown away."""
    covariance_a, covariance_b = a.covariance, b.covariance
    root = scipy.linalg.sqrtm((covariance_a @ covariance_b).numpy())
    return _assemble(a.mean - b.mean, covariance_a, covariance_b, float(np.trace(root).real))


def torchmetrics_distance(
    features_a: np.ndarray, features_b: np.ndarray, load: Callable[[str], Any] = load_peer
) -> Callable[[], float]:
    """Accumulate both sets in torchmetrics, whose network passes features through, and give its `compute`."""
    network: Any = torch.nn.Identity()
    network.num_features = features_a.shape[1]
    metric = load("torchmetrics.image.fid").FrechetInceptionDistance(feature=network, compute_with_cache=False)
    # its answer is rounded to the precision of its features
    metric.update(torch.from_numpy(features_a).double(), real=True)
    metric.update(torch.from_numpy(features_b).double(), real=False)
    return lambda: float(metric.compute())


def singular_values_distance(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Take tr (S1 S2)^(1/2) as the sum of the singular values of A Bᵀ, A and B the centred features over √(n - 1)."""
    sets = [features.astype(np.float64) for features in (features_a, features_b)]
    means = [features.mean(0) for features in sets]
    roots = [(each - mean) / np.sqrt(len(each) - 1) for each, mean in zip(sets, means, strict=True)]
    cross = scipy.linalg.svdvals(roots[0] @ roots[1].T).sum()
    return float(np.square(means[0] - means[1]).sum() + sum(np.square(root).sum() for root in roots) - 2 * cross)


def _assemble(shift: torch.Tensor, covariance_a: torch.Tensor, covariance_b: torch.Tensor, cross: float) -> float:
    return float(shift.square().sum()) + float(covariance_a.trace() + covariance_b.trace()) - 2 * cross


def _mixing(dim: int, rng: np.random.Generator) -> np.ndarray:
    """Mix independent features into ones with the decaying spectrum of a real network's."""
    mixing: np.ndarray = rng.normal(size=(dim, dim)) / np.sqrt(dim) * np.arange(1, dim + 1) ** -0.25
    return mixing


def _draw(n: int, mixing: np.ndarray, shift: float, rng: np.random.Generator) -> np.ndarray:
    features: np.ndarray = rng.normal(size=(n, len(mixing))) @ mixing + shift
    return features


def _exact_moments(mixing: np.ndarray, shift: float, n: int) -> Moments:
    """Moments of the distribution itself, as if of n images."""
    mean = np.full(len(mixing), float(shift))
    products = (n - 1) * mixing.T @ mixing + n * np.outer(mean, mean)
    return Moments(n, torch.from_numpy(n * mean), torch.from_numpy(products))


def _speedup(name: str, theirs: list[float], ours: list[float], limit: float | None = None) -> Result:
    ratios = [their / our for their, our in zip(theirs, ours, strict=True)]
    return Result.of(name, ratios, "times", limit=limit, direction="higher")


def _coverage(name: str, share: float, draws: int) -> list[Result]:
    """Two bars, since too wide an interval misses as well as too narrow a one."""
    return [
        Result.of(name, share, "1", limit=LEVEL - COVERAGE_TOLERANCE, direction="higher", n=draws),
        Result.of(f"{name}_off_by", round(abs(share - LEVEL), 9), "1", limit=COVERAGE_TOLERANCE, n=draws),
    ]


def main(argv: Sequence[str] | None = None, measure: Callable[[Sizes], list[Result]] = run) -> int:
    """Parse, run, print; 1 when a bar is missed, 2 when torchmetrics is not there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.frechet", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="D=512, N=2,000 instead of D=2,048, N=10,000")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    arguments = parser.parse_args(argv)
    try:
        results = measure(QUICK if arguments.quick else FULL)
    except PeerMissing as error:
        print(f"frechet: {error}", file=sys.stderr)
        return 2
    return publish_report(make_report("frechet", results), arguments.json)


if __name__ == "__main__":
    sys.exit(main())
