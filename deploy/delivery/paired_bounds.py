"""Bounds on what a candidate costs, from both models' errors on the same images, after every image.

The one place where the judged quantities are formed: `trial.py` reads the newest bound, the simulations in benchmarks/
read all of them. Arrays are (..., N), in the order of arrival. low > 0: shown to be beyond the limit; high < 0: shown
to be within it; a bound that cannot be said yet is infinite.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data_checks.statistics.confidence_sequence import MeanBounds, bound_mean, running_dependence
from deploy.delivery.trial_policy import DeliveryPolicy

Floats = NDArray[np.float64]


def bound_error(champion: Floats, candidate: Floats, policy: DeliveryPolicy) -> MeanBounds:
    """Bound mean(candidate - (1 + margin) * champion), in units of `recon_error`."""
    return _bound(_excess(champion, candidate, policy), policy)


def bound_since_restart(champion: Floats, candidate: Floats, policy: DeliveryPolicy, restart: int) -> MeanBounds:
    """`bound_error` on the pairs from the k-th restart (1, 2, ...) to the second one after it: (..., up to 2 * every).

    What a candidate was worth in the first thousand pairs says nothing once the traffic, or the candidate, has changed,
    and a change in the stream itself widens its bounds. So the side that takes back begins anew every
    `restart_every_pairs`, and a change is seen on one to two thousand pairs of its own. The k-th restart spends
    1 / (k (k + 1)) of one alpha: all of them together spend it once more.
    """
    every = policy.restart_every_pairs
    newest = slice(restart * every, (restart + 2) * every)
    excess = _excess(champion[..., newest], candidate[..., newest], policy)
    return _bound(excess, policy, alpha=policy.alpha_of_a_bound / (restart * (restart + 1)))


def bound_newest_error(champion: Floats, candidate: Floats, policy: DeliveryPolicy) -> Floats:
    """The larger lower bound of the two restarts that are read at every moment: (..., N), -inf before the first."""
    every, n = policy.restart_every_pairs, champion.shape[-1]
    low = np.full(champion.shape, -np.inf)
    for restart in range(1, -(-n // every)):
        read = low[..., restart * every : (restart + 2) * every]
        np.maximum(read, bound_since_restart(champion, candidate, policy, restart).low, out=read)
    return low


def bound_tail(champion: Floats, candidate: Floats, threshold: float, policy: DeliveryPolicy) -> MeanBounds:
    """Bound the share of images above `threshold`, candidate minus champion, minus the smallest excess that matters.

    With an excess at the limit at least that share of pairs differs, and copies of an image share its fate: fewer
    seen so far are luck, not certainty. So the variance has a floor, and dependence is read off the errors, on a
    bounded scale: the first copies of a giant would hide it.
    """
    excess = (candidate > threshold).astype(np.float64) - (champion > threshold)
    total = champion + candidate
    difference = np.divide(candidate - champion, total, out=np.zeros(total.shape), where=total > 0)
    dependence = running_dependence(difference)
    return _bound(excess - policy.tail_excess, policy, variance_floor=policy.tail_excess, dependence_floor=dependence)


def _excess(champion: Floats, candidate: Floats, policy: DeliveryPolicy) -> Floats:
    return candidate - (1 + policy.recon_error_margin) * champion


def _bound(
    x: Floats,
    policy: DeliveryPolicy,
    variance_floor: float = 0.0,
    dependence_floor: Floats | float = 1.0,
    alpha: float | None = None,
) -> MeanBounds:
    return bound_mean(
        x,
        alpha=policy.alpha_of_a_bound if alpha is None else alpha,
        start_low=policy.roll_back_min_pairs,
        start_high=policy.shadow_min_pairs,
        variance_floor=variance_floor,
        dependence_floor=dependence_floor,
    )
