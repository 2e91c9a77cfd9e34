"""Our Fréchet distance against the two usual ones, interleaved, in CPU seconds on one thread.

    python -m benchmarks.frechet [--quick] [--json FILE]

The moments are given; what is timed is the distance alone: our Cholesky with `eigvalsh`, the symmetric form
with two eigendecompositions, and scipy's `sqrtm` of the product, which most FID code calls.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import scipy.linalg
import torch

from benchmarks.form import Result, make_report, publish_report
from benchmarks.stopwatch import measure_interleaved, one_thread
from vae_core.evaluation.frechet import frechet_distance
from vae_core.evaluation.moments import Moments

CHUNK = 2000


def run(dim: int, n: int, rounds: int) -> list[Result]:
    """Compare the three forms on two sets of n correlated features of width dim."""
    rng = np.random.default_rng(0)
    a, b = _draw_moments(dim, n, 0.0, rng), _draw_moments(dim, n, 0.1, rng)
    with one_thread():
        seconds, values = measure_interleaved(
            {
                "cholesky_eigvalsh": lambda: frechet_distance(a, b),
                "symmetric_eigh": lambda: symmetric_distance(a, b),
                "scipy_sqrtm": lambda: sqrtm_distance(a, b),
            },
            rounds,
        )
    oracle, ours = values["scipy_sqrtm"], seconds["cholesky_eigvalsh"]
    return [
        *(Result.of(f"{name}_cpu_s", times, "CPU s") for name, times in seconds.items()),
        _speedup("speedup_over_symmetric_eigh", seconds["symmetric_eigh"], ours, limit=1.2),
        _speedup("speedup_over_scipy_sqrtm", seconds["scipy_sqrtm"], ours, limit=3.0),
        Result.of("relative_error", abs(values["cholesky_eigvalsh"] / oracle - 1), "1", limit=1e-6),
        Result.of("relative_error_symmetric_eigh", abs(values["symmetric_eigh"] / oracle - 1), "1"),
    ]


def symmetric_distance(a: Moments, b: Moments) -> float:
    """Take S1^(1/2) from one eigendecomposition and the roots of S1^(1/2) S2 S1^(1/2) from another."""
    eigenvalues, vectors = torch.linalg.eigh(a.covariance)
    root = (vectors * eigenvalues.clamp_min(0).sqrt()) @ vectors.T
    product = root @ b.covariance @ root
    cross = torch.linalg.eigh((product + product.T) / 2).eigenvalues.clamp_min(0).sqrt().sum()
    return _assemble(a, b, float(cross))


def sqrtm_distance(a: Moments, b: Moments) -> float:
    """Take the trace of scipy's square root of S1 S2, its imaginary part thrown away."""
    root = scipy.linalg.sqrtm((a.covariance @ b.covariance).numpy())
    return _assemble(a, b, float(np.trace(root).real))


def _assemble(a: Moments, b: Moments, cross: float) -> float:
    traces = float(a.covariance.trace() + b.covariance.trace())
    return float((a.mean - b.mean).square().sum()) + traces - 2 * cross


def _draw_moments(dim: int, n: int, shift: float, rng: np.random.Generator) -> Moments:
    """Correlated features with the decaying spectrum of a real network's."""
    mixing = rng.normal(size=(dim, dim)) / np.sqrt(dim) * np.arange(1, dim + 1) ** -0.25
    moments = Moments.empty(dim)
    for start in range(0, n, CHUNK):
        moments = moments.add(rng.normal(size=(min(CHUNK, n - start), dim)) @ mixing + shift)
    return moments


def _speedup(name: str, theirs: list[float], ours: list[float], limit: float) -> Result:
    ratios = [their / our for their, our in zip(theirs, ours, strict=True)]
    return Result.of(name, ratios, "times", limit=limit, direction="higher")


def main() -> int:
    """Parse, run, print; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.frechet", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="D=512, N=2,000 instead of D=2,048, N=10,000")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    arguments = parser.parse_args()
    dim, n = (512, 2_000) if arguments.quick else (2_048, 10_000)
    return publish_report(make_report("frechet", run(dim, n, rounds=3)), arguments.json)


if __name__ == "__main__":
    sys.exit(main())
