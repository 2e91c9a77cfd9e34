"""Any-time-valid bounds on a rate from counts: events among trials, looked at as often as one likes.

The likelihood ratio of a Beta mixture against the rate p is a non-negative martingale under p, so by Ville's
inequality it exceeds 1 / alpha ever with probability <= alpha (Robbins 1970; Howard et al. 2021, Annals of Statistics
49, 1055, proposition 7). Exact for independent trials, however rare the events are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

HALVINGS = 60


@dataclass(frozen=True, slots=True)
class RateBounds:
    """Observed rate and its one-sided bounds, shares in [0, 1], one for each pair of counts."""

    rate: Floats
    low: Floats
    high: Floats


def bound_rate(events: ArrayLike, trials: ArrayLike, *, alpha: float, expected: float) -> RateBounds:
    """Bound the rate behind `events` among `trials` (any shape, trials >= 1) from below and from above.

    Each side alone holds at all counts of one growing stream with probability >= 1 - alpha. `expected` is the rate
    near which the bounds are made tightest (a Beta(1, 1 / expected) prior); it costs width, never validity.
    ValueError when the counts or the shares make no sense.
    """
    from scipy.special import betaln

    k, n = np.broadcast_arrays(np.asarray(events, np.float64), np.asarray(trials, np.float64))
    if not (0 < alpha < 0.5 and 0 < expected < 1):
        raise ValueError(f"alpha is a share below 0.5 and expected one below 1, came {alpha}, {expected}")
    if (n < 1).any() or (k < 0).any() or (k > n).any():
        raise ValueError("a rate needs 0 <= events <= trials and trials >= 1, came other counts")
    b = 1 / expected
    evidence = betaln(1 + k, b + n - k) - betaln(1, b) + np.log(alpha)
    return RateBounds(
        rate=k / n,
        low=_cross(k, n, evidence, np.zeros(k.shape), k / n),
        high=_cross(k, n, evidence, np.ones(k.shape), k / n),
    )


def _cross(k: Floats, n: Floats, evidence: Floats, outside: Floats, inside: Floats) -> Floats:
    """Find by bisection where the log-likelihood falls to the evidence; answers the outer end."""
    from scipy.special import xlog1py, xlogy

    for _ in range(HALVINGS):
        middle = (outside + inside) / 2
        excluded = xlogy(k, middle) + xlog1py(n - k, -middle) <= evidence
        outside, inside = np.where(excluded, middle, outside), np.where(excluded, inside, middle)
    return outside
