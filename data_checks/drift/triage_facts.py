"""What triage knows, and the words in which it tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_checks.drift.found_images import FoundImages
from data_checks.drift.judge import Judgement
from data_checks.drift.policy import DriftPolicy
from data_checks.verdict import Phase, Verdict

if TYPE_CHECKING:
    from data_checks.kinds.new_kind import NewKind

CODE_RULES = ("latent_code", "kl", "aggregated_posterior", "code_distance", "code_histogram", "norm_tail")
ERROR_RULES = ("recon_error", "recon_error_tail")


@dataclass(frozen=True, slots=True)
class Latency:
    """The 99th percentile of answered requests, beside the most that it may be; in ms."""

    p99_ms: float
    limit_ms: float


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What triage knows beside the judgement.

    new_kind: of the same window, None where no cluster rose. promoted_s_ago: s since the version became champion by a
    promotion, None where it never was promoted or nobody knows. latency: None where it is unknown.
    found: the images of new_kind beside the reference; None where they were not measured.
    """

    new_kind: NewKind | None
    promoted_s_ago: float | None
    previous_exists: bool
    latency: Latency | None
    found: FoundImages | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a row of the table looks at."""

    judgement: Judgement
    circumstances: Circumstances
    policy: DriftPolicy

    def failed(self, rules: tuple[str, ...]) -> list[Verdict]:
        """The failed ones of these rules, in the judgement's words."""
        return [self.judgement.verdicts[rule] for rule in rules if rule in self.judgement.failed]

    def phase(self, rule: str) -> Phase:
        """`no_data` where the rule was not judged at all."""
        verdict = self.judgement.verdicts.get(rule)
        return Phase.no_data if verdict is None else verdict.phase

    @property
    def codes_left(self) -> list[Verdict]:
        """The failed rules of codes."""
        return self.failed(CODE_RULES)

    @property
    def errors_rose(self) -> list[Verdict]:
        """The failed rules of errors."""
        return self.failed(ERROR_RULES)

    @property
    def drifted(self) -> list[Verdict]:
        """The failed rules of codes and errors."""
        return self.codes_left + self.errors_rose

    @property
    def unknown(self) -> NewKind | None:
        """The risen clusters, where their errors are not those of known kinds."""
        kind = self.circumstances.new_kind
        return kind if kind is not None and kind.error_ratio > self.policy.known_error_ratio else None

    @property
    def spread_too_wide(self) -> bool:
        """Whether the found images lie among too many of the known ones to be a kind of their own."""
        found = self.circumstances.found
        return found is not None and found.spread > self.policy.kind_spread

    @property
    def new_kind(self) -> NewKind | None:
        """The risen clusters, where they may be one: neither errors of known kinds nor images of every kind."""
        return None if self.spread_too_wide else self.unknown

    @property
    def risen(self) -> str:
        """The risen clusters, in words."""
        kind = self.circumstances.new_kind
        return "no cluster rose" if kind is None else describe_kind(kind)

    def setting(self, name: str) -> str:
        """A limit by its full name and its value, as a settings file has it."""
        return f"`drift.{name} = {getattr(self.policy, name):g}`"

    def share_moved(self) -> float:
        """Share of the traffic that moved at least: the largest KS distance of a dimension is such a bound."""
        verdict = self.judgement.verdicts["latent_code"]
        return max((each.value for each in verdict.evidence if each.name == "latent_ks"), default=0.0)

    def why(self, rule: str) -> str:
        """The reason that the rule gave, whatever its verdict."""
        verdict = self.judgement.verdicts.get(rule)
        return f"{rule}: not judged" if verdict is None else verdict.reason


def describe_kind(kind: NewKind) -> str:
    """Clusters, share and error ratio."""
    return (
        f"{kind.clusters} clusters rose by at least {kind.share_low:.1%} to {kind.share:.1%} of the traffic, "
        f"error ratio {kind.error_ratio:.3g}"
    )


def tell_reasons(verdicts: list[Verdict]) -> str:
    """The reasons of several rules in one line."""
    return "; ".join(verdict.reason for verdict in verdicts)
