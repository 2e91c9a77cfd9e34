"""Are too many images refused for one reason? A fault of a sensor or a sender, never a matter of the model."""

from __future__ import annotations

from data_checks.drift.finding import Finding, judge_findings
from data_checks.drift.policy import DriftPolicy
from data_checks.drift.window import Window, cannot_judge
from data_checks.refusal import Refusal
from data_checks.statistics.rates import measure_rate
from data_checks.verdict import Evidence, Phase, Verdict

LIMIT_SETTING = "the limit is `drift.max_refused_share`"
"""Goes behind the numbers: `input_policy.max_refused_share` is another one, for what is ingested."""


def judge_refusals(window: Window, level: float, policy: DriftPolicy) -> dict[str, Verdict]:
    """Judge the refused share of each reason that occurred, at a level for all possible reasons together.

    No reference is needed, the limit is the policy's. Repeats count here: a burst of broken images is a fault, whoever
    sent it. The binomial test is exact; a rate at the limit itself fails with at most the level. Uses scipy.
    """
    return {
        f"refused_{reason}": _judge_reason(f"refused_{reason}", count, window.received, level, policy)
        for reason, count in sorted(window.refused.items())
        if count > 0
    }


def _judge_reason(rule: str, count: int, received: int, level: float, policy: DriftPolicy) -> Verdict:
    from scipy.special import betainc

    if received < policy.min_received:
        why = f"{count} of {received} images, at least {policy.min_received} needed"
        return cannot_judge(rule, why, Phase.inconclusive)
    interval = measure_rate(count, received, confidence=policy.confidence)
    evidence = Evidence(
        name=rule, value=interval.rate, limit=policy.max_refused_share, unit="share", direction="lower",
        low=interval.low, high=interval.high, n=received,
    )  # fmt: skip
    # P(at least `count` refused) at the limit, the identity of binomial and beta tails
    p_value = float(betainc(count, received - count + 1, policy.max_refused_share))
    return judge_findings(rule, [Finding(evidence, p_value, LIMIT_SETTING)], level / len(Refusal))
