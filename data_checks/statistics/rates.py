"""Is a rate above its limit? The exact binomial answer, and the verdict drawn from it."""

from dataclasses import dataclass

from data_checks.verdict import Evidence, Phase, Verdict


@dataclass(frozen=True, slots=True)
class RateInterval:
    """`k` of `n`: the observed rate and its exact one-sided bounds, all shares in [0, 1]."""

    k: int
    n: int
    rate: float
    low: float
    high: float


def measure_rate(k: int, n: int, *, confidence: float) -> RateInterval:
    """Clopper-Pearson bounds of the rate behind `k` events in `n` trials (n >= 1).

    Each bound alone holds with at least `confidence` (one-sided), whatever the true rate is, so the interval
    between them holds with at least 2 * confidence - 1.
    Source: Clopper and Pearson (1934), Biometrika 26, 404; the beta quantile form.
    ValueError when the counts or the confidence make no sense.
    """
    from scipy.special import betaincinv

    if not 0 <= k <= n or n < 1:
        raise ValueError(f"a rate needs 0 <= k <= n and n >= 1, came k={k}, n={n}")
    if not 0.5 < confidence < 1:
        raise ValueError(f"confidence is a share between 0.5 and 1, came {confidence}")
    low = float(betaincinv(k, n - k + 1, 1 - confidence)) if k > 0 else 0.0
    high = float(betaincinv(k + 1, n - k, confidence)) if k < n else 1.0
    return RateInterval(k, n, k / n, low, high)


def judge_rate_below(name: str, k: int, n: int, *, limit: float, confidence: float, minimum_n: int) -> Verdict:
    """Judge whether the rate behind `k` events in `n` trials is below `limit` (a share; lower is better).

    failed: the lower bound exceeds the limit, which a rate at the limit does with probability
    <= 1 - confidence. passed: the upper bound does not. Between the two, and below `minimum_n`: inconclusive.
    """
    if n == 0:
        return Verdict(phase=Phase.no_data, reason=f"{name}: 0 trials, limit {limit:.4g} not judged")
    interval = measure_rate(k, n, confidence=confidence)
    evidence = Evidence(
        name=name, value=interval.rate, limit=limit, unit="", direction="lower",
        low=interval.low, high=interval.high, n=n,
    )  # fmt: skip
    if n < minimum_n:
        reason = f"{evidence.describe()}: too few to judge, at least {minimum_n} needed"
        return Verdict(phase=Phase.inconclusive, reason=reason, evidence=(evidence,))
    if interval.low > limit:
        phase, judged = Phase.failed, f"lower bound {interval.low:.4g} > limit {limit:.4g}"
    elif interval.high <= limit:
        phase, judged = Phase.passed, f"upper bound {interval.high:.4g} <= limit {limit:.4g}"
    else:
        phase, judged = Phase.inconclusive, "the interval holds the limit"
    return Verdict(phase=phase, reason=f"{evidence.describe()}: {judged}", evidence=(evidence,))
