"""What changes in the course of a training, as functions of how far it is.

The KL weights move from 0 to beta while `done` goes from 0 to `warmup`, both in one unit (share of the budget, steps
or epochs), and are beta from then on; without a warm-up they are beta from the start.
"""

import math

STEEPNESS = 10.0
"""Of the monotonic curve: its middle half of the time does 86 % of the way."""


def learning_rate(share: float, first: float, final: float) -> float:
    """Fall in a straight line from `first` to `final`, while the used share of the budget goes from 0 to 1."""
    return first + (final - first) * min(max(share, 0.0), 1.0)


def linear_kl_weight(done: float, warmup: float, beta: float) -> float:
    """Rise in a straight line, then stay (Bowman et al. 2016)."""
    return beta if done >= warmup else beta * max(done, 0.0) / warmup


def monotonic_kl_weight(done: float, warmup: float, beta: float) -> float:
    """Rise along a logistic curve, slowly at both ends, then stay (Bowman et al. 2016, figure 2).

    The curve is stretched so that it is exactly 0 at the beginning and beta at the end.
    """
    if done >= warmup:
        return beta
    half = math.tanh(STEEPNESS / 4)
    return beta * 0.5 * (1 + math.tanh(STEEPNESS / 4 * (2 * max(done, 0.0) / warmup - 1)) / half)


def cyclical_kl_weight(done: float, warmup: float, beta: float, cycles: int, rising_share: float) -> float:
    """Begin at 0 again in each of `cycles` equal cycles: rise over the first `rising_share` of it, then stay at beta.

    Fu et al. 2019, equation 5; theirs are 4 cycles, half of each rising, over the whole training.
    """
    if done >= warmup:
        return beta
    within = max(done, 0.0) / warmup * cycles % 1.0
    return linear_kl_weight(within, rising_share, beta)
