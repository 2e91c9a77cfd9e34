"""The rows of triage's table, each a question to the facts; what they mean stands in `data_checks.drift.triage`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from data_checks.drift.actions import Action
from data_checks.drift.triage_facts import Facts, describe_kind, tell_reasons
from data_checks.least_images import least_new_images
from data_checks.verdict import Phase

NEEDED_RULES = ("latent_code", "recon_error", "image_statistics")
"""Without these three passed, nobody may say that all is well."""

LOOK = (
    "; look at the pictures that came: mend what spoils them, or, where they are as they should be, "
    f"`latentloop retrain --tier emergency` learns them, once {least_new_images()} came that the catalogue did not have"
)
"""Ends a block: nothing is learnt of a fault, unless a person who saw the pictures asks for it."""

LOOK_REFUSED = (
    "; the service keeps none of what it refused: look at what its sender sends, or, where that is as it should be, "
    "change the setting that refuses it (`latentloop settings input_policy` shows them)"
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that is true, and what it asks for."""

    action: Action
    reason: str


def _regression(facts: Facts) -> Notice | None:
    ago, recent = facts.circumstances.promoted_s_ago, facts.policy.recent_promotion_s
    if not facts.errors_rose or ago is None or ago > recent or not facts.circumstances.previous_exists:
        return None
    told = tell_reasons(facts.errors_rose)
    return Notice("roll_back", f"regression {ago:.0f} s after a promotion (recent: up to {recent:.0f} s): {told}")


def _sensor(facts: Facts) -> Notice | None:
    moved = facts.failed(("image_statistics",))
    if not moved:
        return None
    told = tell_reasons(moved)
    # risen clusters explain nothing while neither codes nor errors left
    kind, limit = facts.new_kind if facts.drifted else None, facts.policy.kind_image_shift
    if kind is None:
        moved_by = f"more than {facts.setting('image_shift')} allows"
        why = f"the images of the whole traffic moved, with no new kind among them, {moved_by}: {told}"
        return Notice("block", f"{why}{LOOK}")
    largest = max(each.value for each in moved[0].evidence)
    if largest <= kind.share * limit:
        return None
    explained = (
        f"shift {largest:.3g} > {kind.share:.1%} x {limit:.3g} reference sd, {facts.setting('kind_image_shift')}"
    )
    why = f"the images moved further than a new kind of their share explains: {explained}; {told}"
    return Notice("block", f"{why}{LOOK}")


def _altered(facts: Facts) -> Notice | None:
    found, policy = facts.circumstances.found, facts.policy
    # where nothing asks for a training, a rest that moved is but another mix of known kinds
    if found is None or not facts.codes_left or not (facts.unknown or facts.errors_rose):
        return None
    if facts.spread_too_wide:
        share, limit = f"{found.spread:.1%}", f"{policy.kind_spread:.1%}"
        told = f"images of every kind are altered: the found lie among {share} > {limit} of the reference's clusters, "
        told += facts.setting("kind_spread")
    elif found.rest < policy.rest_images:
        few = f"{found.rest} < {policy.rest_images} images, {facts.setting('rest_images')}"
        told = f"no known kind is left to tell a fault from a new kind by: {few}"
    elif found.rest_shift > policy.rest_image_shift:
        shift, limit = f"{found.rest_shift:.3g}", f"{policy.rest_image_shift:.3g}"
        told = f"the images outside of the risen clusters moved too: shift {shift} > {limit} reference sd, "
        told += facts.setting("rest_image_shift")
    else:
        return None
    return Notice("block", f"{told}; {facts.risen}; {tell_reasons(facts.drifted)}{LOOK}")


def _no_pixels(facts: Facts) -> Notice | None:
    if not facts.drifted or facts.phase("image_statistics") is not Phase.no_data:
        return None
    told = f"{tell_reasons(facts.drifted)}; a sensor fault cannot be excluded: {facts.why('image_statistics')}"
    return Notice("cannot_judge", told)


def _new_kind(facts: Facts) -> Notice | None:
    kind = facts.new_kind
    if kind is None or not facts.drifted:
        return None
    full = kind.share > facts.policy.full_share
    return Notice("full" if full else "emergency", f"a new kind: {describe_kind(kind)}; {tell_reasons(facts.drifted)}")


def _refused(facts: Facts) -> Notice | None:
    refused = facts.failed(tuple(name for name in facts.judgement.failed if name.startswith("refused_")))
    return Notice("block", f"{tell_reasons(refused)}{LOOK_REFUSED}") if refused else None


def _encoder(facts: Facts) -> Notice | None:
    if not facts.codes_left or not facts.errors_rose:
        return None
    moved = facts.share_moved()
    full = moved > facts.policy.full_share
    told = f"encoder-side shift of at least {moved:.1%} of the traffic; {facts.risen}; {tell_reasons(facts.drifted)}"
    return Notice("full" if full else "emergency", told)


def _unclear(facts: Facts) -> Notice | None:
    codes, errors = facts.codes_left, facts.errors_rose
    if codes and not errors and facts.phase("recon_error") is not Phase.passed:
        return Notice("cannot_judge", f"{tell_reasons(codes)}; whether errors rose is open: {facts.why('recon_error')}")
    if errors and not codes and facts.phase("latent_code") is not Phase.passed:
        return Notice("cannot_judge", f"{tell_reasons(errors)}; whether codes left is open: {facts.why('latent_code')}")
    # a worn decoder blurs everything; a tail alone is a few hard images, often a new kind that has just begun
    if errors and not codes and not facts.failed(("recon_error",)):
        told = f"{tell_reasons(errors)}; a few images only, of which kind is open: {facts.why('recon_error')}"
        return Notice("cannot_judge", told)
    return None


def _mix(facts: Facts) -> Notice | None:
    if not facts.codes_left or facts.errors_rose:
        return None
    told = f"{facts.risen}; errors did not rise: {facts.why('recon_error')}; {tell_reasons(facts.codes_left)}"
    return Notice("none", f"changed mix of known kinds: {told}")


def _decoder(facts: Facts) -> Notice | None:
    if not facts.errors_rose or facts.codes_left:
        return None
    told = f"decoder-side: {tell_reasons(facts.errors_rose)}; codes inside the reference: {facts.why('latent_code')}"
    return Notice("incremental", told)


def _latency(facts: Facts) -> Notice | None:
    latency = facts.circumstances.latency
    if latency is None or latency.p99_ms <= latency.limit_ms:
        return None
    return Notice("scale_out", f"latency p99 {latency.p99_ms:.4g} > limit {latency.limit_ms:.4g} ms")


def _unjudged(facts: Facts) -> Notice | None:
    open_rules = [rule for rule in NEEDED_RULES if facts.phase(rule) in (Phase.no_data, Phase.inconclusive)]
    if not open_rules:
        return None
    return Notice("cannot_judge", "; ".join(dict.fromkeys(facts.why(rule) for rule in open_rules)))


def _healthy(facts: Facts) -> Notice | None:
    verdicts = facts.judgement.verdicts
    passed = [name for name, verdict in verdicts.items() if verdict.passed]
    others = [f"{name} {verdict.phase}" for name, verdict in verdicts.items() if not verdict.passed]
    told = f"within the limits: {', '.join(passed)}" + (f"; not shown: {', '.join(others)}" if others else "")
    if facts.circumstances.new_kind is not None:
        told += f"; {facts.risen}, but neither codes nor errors left the reference"
    return Notice("none", told)


ROWS: tuple[Callable[[Facts], Notice | None], ...] = (
    _regression, _sensor, _altered, _no_pixels, _new_kind, _refused, _encoder, _unclear, _mix, _decoder, _latency,
    _unjudged, _healthy,
)  # fmt: skip
