"""1,000 simulated canaries for every kind of traffic: how many end as they should?

    python -m benchmarks.canary_aa [--quick] [--json FILE]

Bounds of error and tail are those of `deploy/delivery/trial.py` with its default policy, read after every request of
24 h at one request a second (86,400; for the candidate that is 4 % worse only the first 20,000). Rolled back: a lower
bound, of all pairs or of the newest alone, ever above its margin. Promoted: the upper bound of the error ever below its
margin; the tail, the Fréchet distance, latencies and the 24 hours of a real canary can only delay that, and are left
out. "<= 1 %" and ">= 99 %" mean the 95 % bound of the simulated share.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from benchmarks.form import Result, describe_machine, make_report, publish_report
from benchmarks.paired_errors import DRAWS
from data_checks.statistics.rates import measure_rate
from deploy.delivery.paired_bounds import bound_error, bound_newest_error, bound_tail
from deploy.delivery.trial_policy import DeliveryPolicy

DAY_REQUESTS = 86_400  # one a second
WORSE_REQUESTS = 20_000  # +4 % has to be found earlier than in a day
TOGETHER = 20  # canaries in one array, 300 MB
CONFIDENCE = 0.95
REFERENCE_IMAGES = 400_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of traffic and one truth: the candidate's mean error over the champion's, watched for n requests."""

    traffic: str
    truth: str
    factor: float
    requests: int


@dataclass(frozen=True, slots=True)
class Ends:
    """The request after which each canary was rolled back, and that after which it was promoted; 0 for never."""

    rolled_back: NDArray[np.int64]
    promoted: NDArray[np.int64]


def plan_cells(requests: int, policy: DeliveryPolicy) -> list[Cell]:
    """Every traffic with a candidate exactly at the margin, an equal one, and one 4 % worse."""
    at_margin = 1 + policy.recon_error_margin
    return [
        cell
        for traffic in DRAWS
        for cell in (
            Cell(traffic, "at_margin", at_margin, requests),
            Cell(traffic, "equal", 1.0, requests),
            Cell(traffic, "plus_4_percent", 1.04, WORSE_REQUESTS),
        )
    ]


def simulate(cell: Cell, canaries: int, seed: tuple[int, ...], policy: DeliveryPolicy) -> Ends:
    """Watch some canaries and note when each one ends; the same seed draws the same canaries."""
    rng = np.random.default_rng(seed)
    pairs = DRAWS[cell.traffic](cell.factor, (canaries, cell.requests), rng)
    reference = DRAWS[cell.traffic](cell.factor, (1, REFERENCE_IMAGES), np.random.default_rng(0)).champion
    error = bound_error(pairs.champion, pairs.candidate, policy)
    tail = bound_tail(pairs.champion, pairs.candidate, float(np.quantile(reference, 0.99)), policy)
    newest_low = bound_newest_error(pairs.champion, pairs.candidate, policy)
    worse = (error.low > 0) | (newest_low > 0) | (tail.low > 0)
    return Ends(rolled_back=_first(worse), promoted=_first(error.high < 0))


def summarize(cell: Cell, ends: Ends) -> list[Result]:
    """Judge the shares of one cell against what was promised."""
    n = len(ends.promoted)
    rolled_back, promoted = (int(np.count_nonzero(each)) for each in (ends.rolled_back, ends.promoted))
    name = f"{cell.traffic}_{cell.truth}"
    if cell.truth == "at_margin":
        return [
            *_at_most(f"{name}_promoted", promoted, n, limit=0.01),
            *_at_most(f"{name}_rolled_back", rolled_back, n, limit=0.01),
        ]
    if cell.truth == "equal":
        return [
            Result.of(f"{name}_rolled_back", rolled_back, "canaries", limit=0, n=n),
            Result.of(f"{name}_promoted", promoted / n, "share", direction="higher", n=n),
            _p90(f"{name}_promotable_after_p90", ends.promoted, cell),
        ]
    at_least = measure_rate(rolled_back, n, confidence=CONFIDENCE).low
    return [
        Result.of(f"{name}_rolled_back_low95", at_least, "share", limit=0.99, direction="higher", n=n),
        _p90(f"{name}_rolled_back_after_p90", ends.rolled_back, cell),
    ]


def run(cells: Sequence[Cell], canaries: int, policy: DeliveryPolicy) -> list[Result]:
    """Simulate the cells on all cores; the results do not depend on their number."""
    tasks = [
        (cell, min(TOGETHER, canaries - start), (index, start), policy)
        for index, cell in enumerate(cells)
        for start in range(0, canaries, TOGETHER)
    ]
    found: dict[Cell, list[Ends]] = {cell: [] for cell in cells}
    # spawned, not forked: the parent has torch's threads
    with ProcessPoolExecutor(describe_machine().cores, get_context("spawn")) as pool:
        done: Iterable[Ends] = pool.map(simulate, *zip(*tasks, strict=True))
        for task, ends in zip(tasks, track(done, total=len(tasks), console=Console(stderr=True)), strict=False):
            found[task[0]].append(ends)
    return [result for cell in cells for result in summarize(cell, _join(found[cell]))]


def _join(parts: list[Ends]) -> Ends:
    return Ends(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("rolled_back", "promoted")))


def _first(crossed: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.where(crossed.any(1), crossed.argmax(1) + 1, 0)


def _at_most(name: str, events: int, n: int, limit: float) -> list[Result]:
    at_most = measure_rate(events, n, confidence=CONFIDENCE).high
    return [
        Result.of(name, events / n, "share", n=n),
        Result.of(f"{name}_high95", at_most, "share", limit=limit, n=n),
    ]


def _p90(name: str, ends: NDArray[np.int64], cell: Cell) -> Result:
    """90 % end within so many requests; those that never end count as the whole time."""
    ended = np.where(ends > 0, ends, cell.requests)
    return Result.of(name, float(np.quantile(ended, 0.9)), "requests", n=len(ends))


def main() -> int:
    """Parse, run, print; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.canary_aa", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5,000 requests instead of 86,400")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    arguments = parser.parse_args()
    requests = 5_000 if arguments.quick else DAY_REQUESTS
    policy = DeliveryPolicy()
    results = run(plan_cells(requests, policy), 1_000, policy)
    return publish_report(make_report("canary_aa", results), arguments.json)


if __name__ == "__main__":
    sys.exit(main())
