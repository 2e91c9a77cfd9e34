"""How many requests a shadow needs, scoring the same images as the champion, and how many without that.

    python -m benchmarks.shadow_paired [--quick] [--json FILE]

Recognised: the lower bound of mean(candidate - champion) is above 0 for a candidate that is 2 % worse. Cleared: the
upper bound of mean(candidate - 1.02 * champion) is below 0 for an equal one. Both at 1 % a side, valid at every
request, p90 over 1,000 traces. The unpaired 5 % canary sees the same traces: each request is answered by one of the two
models, the champion's mean error is known to it beforehand, and its bound is the same.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.form import Result, make_report, publish_report
from benchmarks.paired_errors import DRAWS, PairedErrors
from data_checks.statistics.confidence_sequence import MeanBounds, bound_mean
from deploy.delivery.trial_policy import DeliveryPolicy

ALPHA, MARGIN = 0.01, 0.02
CANARY_SHARE = 0.05
TRACE_REQUESTS, UNPAIRED_REQUESTS = 8_000, 800_000
TOGETHER = 1_000_000  # values in one array
LIMITS = {"lognormal": (600, 1_500), "student_t3": (600, 1_500), "skewed_cv2": (1_000, 4_000)}


def run(traces: int, unpaired_traces: int) -> list[Result]:
    """Measure both questions for every traffic, and the unpaired canary once."""
    results = []
    for index, (traffic, (recognise_limit, clear_limit)) in enumerate(LIMITS.items()):
        recognised = requests_to_recognise(traffic, traces, seed=index)
        cleared = requests_to_clear(traffic, traces, seed=index)
        results += _quantiles(f"{traffic}_recognised", recognised, recognise_limit)
        results += _quantiles(f"{traffic}_cleared", cleared, clear_limit)
    unpaired = unpaired_requests("lognormal", unpaired_traces, seed=0)
    paired = requests_to_recognise("lognormal", unpaired_traces, seed=0, requests=UNPAIRED_REQUESTS)
    results += _quantiles("lognormal_unpaired", unpaired, None)
    ratio = _quantile(unpaired, 0.9) / _quantile(paired, 0.9)
    undecided, n = float(np.mean(unpaired >= UNPAIRED_REQUESTS)), len(unpaired)
    return [
        *results,
        Result.of("lognormal_unpaired_over_paired_p90", ratio, "times", limit=100, direction="higher", n=n),
        Result.of("lognormal_unpaired_undecided", undecided, "share", n=n),
    ]


def requests_to_recognise(
    traffic: str, traces: int, *, seed: int, requests: int = TRACE_REQUESTS
) -> NDArray[np.float64]:
    """Requests until a 2 % worse candidate is known to be worse, one for each trace."""
    found = [
        _first(_bound(pairs.candidate - pairs.champion).low > 0)
        for pairs, _ in _draw(traffic, 1 + MARGIN, traces, requests, seed)
    ]
    return np.concatenate(found)


def requests_to_clear(traffic: str, traces: int, *, seed: int) -> NDArray[np.float64]:
    """Requests until an equal candidate is known to be less than 2 % worse."""
    found = [
        _first(_bound(pairs.candidate - (1 + MARGIN) * pairs.champion).high < 0)
        for pairs, _ in _draw(traffic, 1.0, traces, TRACE_REQUESTS, seed)
    ]
    return np.concatenate(found)


def unpaired_requests(
    traffic: str, traces: int, *, seed: int, requests: int = UNPAIRED_REQUESTS
) -> NDArray[np.float64]:
    """Requests in total until the means of 5 % answered by the candidate and of the rest are known to differ.

    The stream a / share * (candidate - 1) - (1 - a) / (1 - share) * (champion - 1) has their difference as its mean.
    """
    found = []
    for pairs, rng in _draw(traffic, 1 + MARGIN, traces, requests, seed):
        canary = rng.random(pairs.champion.shape) < CANARY_SHARE
        answered = np.where(
            canary, (pairs.candidate - 1) / CANARY_SHARE, (1 - pairs.champion) / (1 - CANARY_SHARE)
        )  # fmt: skip
        found.append(_first(_bound(answered).low > 0))
    return np.concatenate(found)


def _draw(
    traffic: str, factor: float, traces: int, requests: int, seed: int
) -> Iterator[tuple[PairedErrors, np.random.Generator]]:
    """Traces of one traffic, a few at a time; the same arguments draw the same traces."""
    together = max(1, TOGETHER // requests)
    for start in range(0, traces, together):
        rng = np.random.default_rng((seed, start))
        yield DRAWS[traffic](factor, (min(together, traces - start), requests), rng), rng


def _bound(x: NDArray[np.float64]) -> MeanBounds:
    policy = DeliveryPolicy()
    return bound_mean(
        x, alpha=ALPHA, start_low=policy.roll_back_min_pairs, start_high=policy.shadow_min_pairs
    )  # fmt: skip


def _first(crossed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Observations until then; the whole trace where it never comes, which misses every bar."""
    requests: NDArray[np.float64] = np.where(crossed.any(1), crossed.argmax(1) + 1.0, crossed.shape[1])
    return requests


def _quantile(requests: NDArray[np.float64], share: float) -> float:
    """The smallest number of requests within which that share of the traces ended."""
    return float(np.quantile(requests, share, method="inverted_cdf"))


def _quantiles(name: str, requests: NDArray[np.float64], limit: float | None) -> list[Result]:
    n = len(requests)
    return [
        Result.of(f"{name}_median", _quantile(requests, 0.5), "requests", n=n),
        Result.of(f"{name}_p90", _quantile(requests, 0.9), "requests", limit=limit, n=n),
    ]


def main() -> int:
    """Parse, run, print; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shadow_paired", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 unpaired traces instead of 200")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    arguments = parser.parse_args()
    results = run(traces=1_000, unpaired_traces=20 if arguments.quick else 200)
    return publish_report(make_report("shadow_paired", results), arguments.json)


if __name__ == "__main__":
    sys.exit(main())
