"""What changes while a budget is used, as functions of its used share on [0, 1]."""


def learning_rate(share: float, first: float, final: float) -> float:
    """Fall in a straight line from `first` to `final`."""
    return first + (final - first) * min(max(share, 0.0), 1.0)


def kl_weight(share: float, warmup_share: float, beta: float) -> float:
    """Rise in a straight line from 0 to `beta` over the first `warmup_share`, then stay (Bowman et al. 2016).

    Without a warm-up it is `beta` from the start.
    """
    return beta if share >= warmup_share else beta * max(share, 0.0) / warmup_share
