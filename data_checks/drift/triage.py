"""What is to be done about a judgement: a truth table, read from the top; the first row that holds is the action.

| row | holds when | action |
|---|---|---|
| regression | errors rose soon after a promotion, and there is a previous version | roll_back |
| sensor | image statistics moved further than a new kind of that share explains | block |
| no pixels | a drift whose image statistics cannot be judged: it may be a sensor's | cannot_judge |
| new kind | clusters rose whose errors are not those of known kinds, and codes or errors left | emergency, full |
| refused | a reason refuses more than its share, and no new kind explains the rest | block |
| encoder | codes left and errors rose | emergency, full |
| unclear | codes left, errors unknown; errors rose, codes unknown; or only the far tail of the errors | cannot_judge |
| mix | codes left, errors did not rise: known kinds in another mix | none |
| decoder | errors rose, codes inside | incremental |
| latency | the 99th percentile is above its limit | scale_out |
| unjudged | codes, errors or image statistics were not judged, or are too noisy to tell | cannot_judge |
| healthy | nothing above | none |

A retrain cures neither a bad promotion nor a broken sensor, and would learn the fault: those rows come first. `full`
where more than half of the traffic is concerned. What else is true goes into `also`, where no retraining action stands:
a retrain that a row above overruled is told as held back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_checks.drift.actions import RETRAINS, Action
from data_checks.drift.judge import Judgement
from data_checks.drift.policy import DriftPolicy
from data_checks.verdict import Phase, Verdict

if TYPE_CHECKING:
    from data_checks.new_kind import NewKind

CODE_RULES = ("latent_code", "kl", "aggregated_posterior", "norm_tail")
ERROR_RULES = ("recon_error", "recon_error_tail")
NEEDED_RULES = ("latent_code", "recon_error", "image_statistics")
"""Without these three passed, nobody may say that all is well."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What triage knows beside the judgement.

    new_kind: of the same window, None where no cluster rose. promoted_s_ago: s since the version became champion by a
    promotion, None where it never was promoted or nobody knows. latency_p99_ms: of answered requests, None: unknown.
    """

    new_kind: NewKind | None
    promoted_s_ago: float | None
    previous_exists: bool
    latency_p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that is true, and what it asks for."""

    action: Action
    reason: str


@dataclass(frozen=True, slots=True)
class Triage:
    """The action with its reason of one line, and what else is true."""

    action: Action
    reason: str
    also: tuple[Notice, ...] = ()


def triage(judgement: Judgement, circumstances: Circumstances, policy: DriftPolicy) -> Triage:
    """Decide by the table above; latency asks for machines and never for a retrain."""
    facts = _Facts(judgement, circumstances, policy)
    holding = [notice for notice in (row(facts) for row in ROWS) if notice is not None]
    main, rest = holding[0], holding[1:]
    also = [each for each in rest if each.action in ("block", "scale_out")]
    if main.action not in RETRAINS:
        also += [_hold_back(each) for each in rest if each.action in RETRAINS][:1]
    if main.action in ("block", "scale_out"):
        also += [each for each in rest if each.action == "cannot_judge"][:1]
    return Triage(main.action, main.reason, tuple(also))


def _hold_back(retrain: Notice) -> Notice:
    return Notice("none", f"held back: {retrain.action}: {retrain.reason}")


@dataclass(frozen=True, slots=True)
class _Facts:
    judgement: Judgement
    circumstances: Circumstances
    policy: DriftPolicy

    def failed(self, rules: tuple[str, ...]) -> list[Verdict]:
        return [self.judgement.verdicts[rule] for rule in rules if rule in self.judgement.failed]

    def phase(self, rule: str) -> Phase:
        verdict = self.judgement.verdicts.get(rule)
        return Phase.no_data if verdict is None else verdict.phase

    @property
    def codes_left(self) -> list[Verdict]:
        return self.failed(CODE_RULES)

    @property
    def errors_rose(self) -> list[Verdict]:
        return self.failed(ERROR_RULES)

    @property
    def drifted(self) -> list[Verdict]:
        return self.codes_left + self.errors_rose

    @property
    def new_kind(self) -> NewKind | None:
        """The risen clusters, where their errors are not those of known kinds."""
        kind = self.circumstances.new_kind
        return kind if kind is not None and kind.error_ratio > self.policy.known_error_ratio else None

    @property
    def risen(self) -> str:
        kind = self.circumstances.new_kind
        return "no cluster rose" if kind is None else _describe_kind(kind)


def _regression(facts: _Facts) -> Notice | None:
    ago, recent = facts.circumstances.promoted_s_ago, facts.policy.recent_promotion_s
    if not facts.errors_rose or ago is None or ago > recent or not facts.circumstances.previous_exists:
        return None
    told = _reasons(facts.errors_rose)
    return Notice("roll_back", f"regression {ago:.0f} s after a promotion (recent: up to {recent:.0f} s): {told}")


def _sensor(facts: _Facts) -> Notice | None:
    moved = facts.failed(("image_statistics",))
    if not moved:
        return None
    told = _reasons(moved)
    # risen clusters explain nothing while neither codes nor errors left
    kind, limit = facts.new_kind if facts.drifted else None, facts.policy.kind_image_shift
    if kind is None:
        return Notice("block", f"the images of the whole traffic moved, with no new kind among them: {told}")
    largest = max(each.value for each in moved[0].evidence)
    if largest <= kind.share * limit:
        return None
    explained = f"shift {largest:.3g} > {kind.share:.1%} x {limit:.3g} reference sd"
    return Notice("block", f"the images moved further than a new kind of their share explains: {explained}; {told}")


def _no_pixels(facts: _Facts) -> Notice | None:
    if not facts.drifted or facts.phase("image_statistics") is not Phase.no_data:
        return None
    told = f"{_reasons(facts.drifted)}; a sensor fault cannot be excluded: {_why(facts, 'image_statistics')}"
    return Notice("cannot_judge", told)


def _new_kind(facts: _Facts) -> Notice | None:
    kind = facts.new_kind
    if kind is None or not facts.drifted:
        return None
    full = kind.share > facts.policy.full_share
    return Notice("full" if full else "emergency", f"a new kind: {_describe_kind(kind)}; {_reasons(facts.drifted)}")


def _refused(facts: _Facts) -> Notice | None:
    refused = facts.failed(tuple(name for name in facts.judgement.failed if name.startswith("refused_")))
    return Notice("block", _reasons(refused)) if refused else None


def _encoder(facts: _Facts) -> Notice | None:
    if not facts.codes_left or not facts.errors_rose:
        return None
    moved = _share_moved(facts)
    full = moved > facts.policy.full_share
    told = f"encoder-side shift of at least {moved:.1%} of the traffic; {facts.risen}; {_reasons(facts.drifted)}"
    return Notice("full" if full else "emergency", told)


def _unclear(facts: _Facts) -> Notice | None:
    codes, errors = facts.codes_left, facts.errors_rose
    if codes and not errors and facts.phase("recon_error") is not Phase.passed:
        return Notice("cannot_judge", f"{_reasons(codes)}; whether errors rose is open: {_why(facts, 'recon_error')}")
    if errors and not codes and facts.phase("latent_code") is not Phase.passed:
        return Notice("cannot_judge", f"{_reasons(errors)}; whether codes left is open: {_why(facts, 'latent_code')}")
    # a worn decoder blurs everything; a tail alone is a few hard images, often a new kind that has just begun
    if errors and not codes and not facts.failed(("recon_error",)):
        told = f"{_reasons(errors)}; a few images only, of which kind is open: {_why(facts, 'recon_error')}"
        return Notice("cannot_judge", told)
    return None


def _mix(facts: _Facts) -> Notice | None:
    if not facts.codes_left or facts.errors_rose:
        return None
    told = f"{facts.risen}; errors did not rise: {_why(facts, 'recon_error')}; {_reasons(facts.codes_left)}"
    return Notice("none", f"changed mix of known kinds: {told}")


def _decoder(facts: _Facts) -> Notice | None:
    if not facts.errors_rose or facts.codes_left:
        return None
    told = f"decoder-side: {_reasons(facts.errors_rose)}; codes inside the reference: {_why(facts, 'latent_code')}"
    return Notice("incremental", told)


def _latency(facts: _Facts) -> Notice | None:
    now, limit = facts.circumstances.latency_p99_ms, facts.policy.max_latency_p99_ms
    return Notice("scale_out", f"latency p99 {now:.4g} > limit {limit:.4g} ms") if now and now > limit else None


def _unjudged(facts: _Facts) -> Notice | None:
    open_rules = [rule for rule in NEEDED_RULES if facts.phase(rule) in (Phase.no_data, Phase.inconclusive)]
    if not open_rules:
        return None
    return Notice("cannot_judge", "; ".join(dict.fromkeys(_why(facts, rule) for rule in open_rules)))


def _healthy(facts: _Facts) -> Notice | None:
    verdicts = facts.judgement.verdicts
    passed = [name for name, verdict in verdicts.items() if verdict.passed]
    others = [f"{name} {verdict.phase}" for name, verdict in verdicts.items() if not verdict.passed]
    told = f"within the limits: {', '.join(passed)}" + (f"; not shown: {', '.join(others)}" if others else "")
    if facts.circumstances.new_kind is not None:
        told += f"; {facts.risen}, but neither codes nor errors left the reference"
    return Notice("none", told)


ROWS: tuple[Callable[[_Facts], Notice | None], ...] = (
    _regression, _sensor, _no_pixels, _new_kind, _refused, _encoder, _unclear, _mix, _decoder, _latency, _unjudged,
    _healthy,
)  # fmt: skip


def _share_moved(facts: _Facts) -> float:
    """Share of the traffic that moved at least: the largest KS distance of a dimension is such a bound."""
    verdict = facts.judgement.verdicts["latent_code"]
    return max((each.value for each in verdict.evidence if each.name == "latent_ks"), default=0.0)


def _describe_kind(kind: NewKind) -> str:
    return (
        f"{kind.cells} clusters rose by at least {kind.share_low:.1%} to {kind.share:.1%} of the traffic, "
        f"error ratio {kind.error_ratio:.3g}"
    )


def _why(facts: _Facts, rule: str) -> str:
    verdict = facts.judgement.verdicts.get(rule)
    return f"{rule}: not judged" if verdict is None else verdict.reason


def _reasons(verdicts: list[Verdict]) -> str:
    return "; ".join(verdict.reason for verdict in verdicts)
