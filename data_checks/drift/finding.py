"""From a measured effect to a verdict: significance and effect size decide together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_checks.verdict import Evidence, Phase, Verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """One effect with its limit and interval, and the probability that chance alone shows as much.

    `note` goes behind the numbers, e.g. which dimension or direction.
    """

    evidence: Evidence
    p_value: float
    note: str = ""

    def describe(self) -> str:
        """Effect against limit, with the note."""
        return f"{self.evidence.describe()}{f', {self.note}' if self.note else ''}"


def judge_findings(rule: str, findings: Sequence[Finding], level: float) -> Verdict:
    """Judge at least one finding at a level for all of them together.

    failed: one effect is above its limit and could be chance with a probability of at most level / number of findings.
    passed: the upper bound of every effect is within its limit. inconclusive: neither; the window is too noisy to tell.
    """
    each_level = level / len(findings)
    evidence = tuple(finding.evidence for finding in findings)
    beyond = [one for one in findings if not one.evidence.within_limit and one.p_value <= each_level]
    if beyond:
        told = "; ".join(f"{one.describe()}, p {one.p_value:.2g} <= level {each_level:.2g}" for one in beyond)
        return Verdict(phase=Phase.failed, reason=f"{rule}: {told}", evidence=evidence)
    unclear = [one for one in findings if _upper(one.evidence) > (one.evidence.limit or 0.0)]
    if unclear:
        told = "; ".join(f"{one.describe()}, p {one.p_value:.2g} against level {each_level:.2g}" for one in unclear)
        return Verdict(phase=Phase.inconclusive, reason=f"{rule}: too noisy to tell: {told}", evidence=evidence)
    told = "; ".join(one.describe() for one in findings)
    return Verdict(phase=Phase.passed, reason=f"{rule}: {told}", evidence=evidence)


def _upper(evidence: Evidence) -> float:
    return evidence.value if evidence.high is None else evidence.high
