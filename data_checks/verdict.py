"""A decision as a value: the phase, one line of reason with both numbers, and the evidence.

Judges here and in deploy/delivery return a `Verdict`; only tasks, controller and serving act on it.
The phases follow argo-rollouts (`analysis.go`): "we do not know" is an answer of its own, never a pass.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data_checks.shown_text import shorten

LONGEST_REASON = 2_000  # characters


class Phase(StrEnum):
    """What a judge found, ordered by gravity: passed < inconclusive < no_data < failed.

    `passed`: shown to be within the limit. `inconclusive`: measured, but too few or too noisy to tell.
    `no_data`: nothing was measured. `failed`: shown to be beyond the limit.
    """

    passed = "passed"
    inconclusive = "inconclusive"
    no_data = "no_data"
    failed = "failed"

    @property
    def gravity(self) -> int:
        """Place in the order, 0 (passed) to 3 (failed)."""
        return list(Phase).index(self)

    # StrEnum would compare the words by the alphabet, where failed < passed.
    def __lt__(self, other: str) -> bool:
        return self.gravity < Phase(other).gravity

    def __le__(self, other: str) -> bool:
        return self.gravity <= Phase(other).gravity

    def __gt__(self, other: str) -> bool:
        return self.gravity > Phase(other).gravity

    def __ge__(self, other: str) -> bool:
        return self.gravity >= Phase(other).gravity


class Evidence(BaseModel):
    """One measured number beside the number that it is judged against.

    `value` is in `unit`, as are `limit` and the interval [`low`, `high`]; `n` is the sample size.
    `direction` says which way is better. A missing `limit` means: shown, not judged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(min_length=1)
    value: float
    limit: float | None
    unit: str
    direction: Literal["lower", "higher"]
    low: float | None = None
    high: float | None = None
    n: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _interval_is_whole_and_ordered(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError(f"{self.name}: an interval has two ends, came [{self.low}, {self.high}]")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"{self.name}: an interval needs low <= high, came [{self.low}, {self.high}]")
        return self

    @property
    def within_limit(self) -> bool:
        """Whether the value itself, not its interval, is on the good side; True without a limit."""
        if self.limit is None:
            return True
        return self.value <= self.limit if self.direction == "lower" else self.value >= self.limit

    def describe(self) -> str:
        """Both numbers in one phrase: `fd_efflite0 31.8 [30.9, 32.7] > limit 30.4 (n=10000)`."""
        phrase = f"{self.name} {_number(self.value)}"
        if self.low is not None and self.high is not None:
            phrase += f" [{_number(self.low)}, {_number(self.high)}]"
        if self.limit is not None:
            good, bad = ("<=", ">") if self.direction == "lower" else (">=", "<")
            phrase += f" {good if self.within_limit else bad} limit {_number(self.limit)}"
        if self.unit:
            phrase += f" {self.unit}"
        return phrase if self.n is None else f"{phrase} (n={self.n})"


class Verdict(BaseModel):
    """A decision: `phase`, `reason` (one line, names the things and both numbers) and its `evidence`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    phase: Phase
    reason: str = Field(min_length=1, max_length=LONGEST_REASON, pattern=r"^[^\r\n]+$")
    evidence: tuple[Evidence, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the phase is `passed`; `inconclusive` and `no_data` are not."""
        return self.phase is Phase.passed

    @property
    def failed(self) -> bool:
        """Whether the phase is `failed`: shown to be beyond a limit."""
        return self.phase is Phase.failed


def combine(verdicts: Sequence[Verdict]) -> Verdict:
    """Combine verdicts to the gravest phase among them, with the reasons of that phase and all evidence.

    Without any verdict the answer is `no_data`: nothing was judged.
    """
    if not verdicts:
        return Verdict(phase=Phase.no_data, reason="no verdict to combine: 0 given, at least 1 needed")
    gravest = max(verdict.phase for verdict in verdicts)
    reasons = [verdict.reason for verdict in verdicts if verdict.phase is gravest]
    return Verdict(
        phase=gravest,
        reason=_one_line(reasons),
        evidence=tuple(item for verdict in verdicts for item in verdict.evidence),
    )


def _one_line(reasons: Sequence[str], longest: int = LONGEST_REASON) -> str:
    """Join the reasons; where the line would be too long to store, the tail is counted."""
    line = "; ".join(reasons)
    if len(line) <= longest:
        return line
    kept = [shorten(reason, longest // 4) for reason in reasons[:3]]
    return f"{'; '.join(kept)}; and {len(reasons) - len(kept)} more"


def _number(value: float) -> str:
    """Four significant digits; whole numbers whole."""
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.4g}"
