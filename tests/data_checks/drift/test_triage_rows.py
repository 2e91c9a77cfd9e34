"""Every row of the truth table: the action and the reason."""

from __future__ import annotations

import numpy as np
import pytest

from data_checks.drift.found_images import FoundImages
from data_checks.drift.judge import Judgement
from data_checks.drift.policy import DriftPolicy
from data_checks.drift.triage import triage
from data_checks.drift.triage_facts import CODE_RULES, Latency
from data_checks.verdict import Phase
from tests.data_checks.drift.judged import FAILED, SAMPLE_RULES, circumstances, judged, risen

POLICY = DriftPolicy()
BESIDE = FoundImages(spread=0.2, rest=1660, rest_shift=0.1)
"""A new kind: in few places of the reference, and the rest as before."""

EVERYWHERE = FoundImages(spread=0.8, rest=1660, rest_shift=0.1)

TABLE = {
    "a healthy window": (
        judged(), {}, "none",
        "within the limits: latent_code, recon_error, recon_error_tail, kl, aggregated_posterior, image_statistics",
    ),
    "a healthy window of too few images for one rule": (
        judged(aggregated_posterior="inconclusive"), {}, "none", "; not shown: aggregated_posterior inconclusive",
    ),
    "clusters rose, but neither codes nor errors left": (
        judged(), {"new_kind": risen(0.04)}, "none", "error ratio 1.8, but neither codes nor errors left the reference",
    ),
    "codes left and errors rose": (
        judged(latent_code=FAILED, recon_error=FAILED), {}, "emergency",
        "encoder-side shift of at least 12.0% of the traffic; no cluster rose; latent_code is failed; recon_error is f",
    ),
    "codes left and errors rose in more than half of the traffic": (
        judged(latent_code=FAILED, recon_error_tail=FAILED, latent_ks=0.55), {}, "full",
        "encoder-side shift of at least 55.0% of the traffic; no cluster rose; latent_code is failed",
    ),
    "a new kind": (
        judged(latent_code=FAILED, recon_error=FAILED), {"new_kind": risen()}, "emergency",
        "a new kind: 7 clusters rose by at least 13.0% to 17.0% of the traffic, error ratio 1.8; latent_code is failed",
    ),
    "a new kind that hides among known codes": (
        judged(recon_error=FAILED), {"new_kind": risen()}, "emergency", "a new kind: 7 clusters rose",
    ),
    "a new kind too rare to move the mean error": (
        judged(latent_code=FAILED), {"new_kind": risen(0.08, 1.3)}, "emergency", "a new kind: 7 clusters rose",
    ),
    "a new kind of more than half of the traffic": (
        judged(latent_code=FAILED, recon_error=FAILED), {"new_kind": risen(0.6)}, "full",
        "a new kind: 7 clusters rose by at least 56.0% to 60.0% of the traffic",
    ),
    "a new kind that moves the image statistics by what its share explains": (
        judged(latent_code=FAILED, recon_error=FAILED, image_statistics=FAILED), {"new_kind": risen()}, "emergency",
        "a new kind: 7 clusters rose",
    ),
    "a new kind that lies beside known ones which stayed": (
        judged(latent_code=FAILED, recon_error=FAILED), {"new_kind": risen(), "found": BESIDE}, "emergency",
        "a new kind: 7 clusters rose",
    ),
    "a new kind at the limits of spread and rest": (
        judged(latent_code=FAILED, recon_error=FAILED),
        {"new_kind": risen(0.6), "found": FoundImages(0.5, 50, 0.5)}, "full", "a new kind: 7 clusters rose",
    ),
    "risen clusters with images of every kind": (
        judged(latent_code=FAILED, recon_error=FAILED), {"new_kind": risen(), "found": EVERYWHERE}, "block",
        "images of every kind are altered: the found lie among 80.0% > 50.0% of the reference's clusters, "
        "`drift.kind_spread = 0.5`; 7 clusters rose "
        "by at least 13.0% to 17.0% of the traffic, error ratio 1.8; latent_code is failed; recon_error is failed",
    ),
    "risen clusters with images of every kind, whose mean error is that of known ones": (
        judged(latent_code=FAILED, recon_error_tail=FAILED), {"new_kind": risen(0.2, 1.05), "found": EVERYWHERE},
        "block", "images of every kind are altered",
    ),
    "risen clusters whose rest moved too": (
        judged(latent_code=FAILED, recon_error=FAILED),
        {"new_kind": risen(0.58, 1.3), "found": FoundImages(0.3, 840, 1.64)}, "block",
        "the images outside of the risen clusters moved too: shift 1.64 > 0.5 reference sd, "
        "`drift.rest_image_shift = 0.5`; 7 clusters rose",
    ),
    "risen clusters of all the traffic": (
        judged(latent_code=FAILED, recon_error=FAILED),
        {"new_kind": risen(0.99, 1.8), "found": FoundImages(0.05, 20, 0.1)}, "block",
        "no known kind is left to tell a fault from a new kind by: 20 < 50 images, `drift.rest_images = 50`; "
        "7 clusters rose",
    ),
    "errors of every kind rose with codes inside": (
        judged(recon_error=FAILED), {"new_kind": risen(0.9, 1.5), "found": EVERYWHERE}, "incremental",
        "decoder-side: recon_error is failed; codes inside the reference: latent_code is passed",
    ),
    "moved images and risen clusters with images of every kind": (
        judged(image_statistics=FAILED, latent_code=FAILED, recon_error=FAILED),
        {"new_kind": risen(0.3), "found": EVERYWHERE}, "block",
        "the images of the whole traffic moved, with no new kind among them, more than `drift.image_shift = 0.3` "
        "allows: image_statistics is failed",
    ),
    "a changed mix whose other images are another mix too": (
        judged(latent_code=FAILED), {"new_kind": risen(0.4, 0.98), "found": FoundImages(0.6, 900, 0.7)}, "none",
        "changed mix of known kinds: 7 clusters rose",
    ),
    "errors rose with codes inside": (
        judged(recon_error=FAILED), {}, "incremental",
        "decoder-side: recon_error is failed; codes inside the reference: latent_code is passed",
    ),
    "the error tail alone rose with codes inside": (
        judged(recon_error_tail=FAILED), {}, "cannot_judge",
        "recon_error_tail is failed; a few images only, of which kind is open: recon_error is passed",
    ),
    "a sensor fault": (
        judged(image_statistics=FAILED), {}, "block",
        "the images of the whole traffic moved, with no new kind among them, more than `drift.image_shift = 0.3` "
        "allows: image_statistics is failed",
    ),
    "a sensor fault that moves codes and errors": (
        judged(image_statistics=FAILED, latent_code=FAILED, recon_error=FAILED), {}, "block",
        "the images of the whole traffic moved, with no new kind among them",
    ),
    "a sensor fault whose risen clusters explain too little": (
        judged(image_shift=0.85, image_statistics=FAILED, latent_code=FAILED, recon_error=FAILED),
        {"new_kind": risen(0.12, 1.4)}, "block",
        "the images moved further than a new kind of their share explains: shift 0.85 > 12.0% x 2.5 reference sd, "
        "`drift.kind_image_shift = 2.5`",
    ),
    "a darker sensor whose risen clusters are easy": (
        judged(image_statistics=FAILED, latent_code=FAILED), {"new_kind": risen(0.25, 0.5)}, "block",
        "the images of the whole traffic moved, with no new kind among them",
    ),
    "moved images and risen clusters, but neither codes nor errors left": (
        judged(image_statistics=FAILED), {"new_kind": risen()}, "block", "the images of the whole traffic moved",
    ),
    "a burst of refused images": (
        judged(refused_low_variance=FAILED), {}, "block", "refused_low_variance is failed",
    ),
    "refused images while the accepted ones moved without a new kind": (
        judged(refused_truncated=FAILED, latent_code=FAILED, recon_error=FAILED), {}, "block",
        "refused_truncated is failed",
    ),
    "a changed mix in clusters that the model knows": (
        judged(latent_code=FAILED), {"new_kind": risen(0.1, 0.98)}, "none",
        "changed mix of known kinds: 7 clusters rose by at least 6.0% to 10.0% of the traffic, error ratio 0.98; "
        "errors did not rise: recon_error is passed; latent_code is failed",
    ),
    "a changed mix without a risen cluster": (
        judged(latent_code=FAILED, kl=FAILED), {}, "none",
        "changed mix of known kinds: no cluster rose; errors did not rise: recon_error is passed; ",
    ),
    "a regression right after a promotion": (
        judged(recon_error=FAILED), {"promoted_s_ago": 600.0, "previous_exists": True}, "roll_back",
        "regression 600 s after a promotion (recent: up to 86400 s): recon_error is failed",
    ),
    "a regression long after a promotion": (
        judged(recon_error=FAILED), {"promoted_s_ago": 90_000.0, "previous_exists": True}, "incremental",
        "decoder-side: recon_error is failed",
    ),
    "a regression right after a promotion with nothing to go back to": (
        judged(recon_error=FAILED), {"promoted_s_ago": 600.0, "previous_exists": False}, "incremental",
        "decoder-side: recon_error is failed",
    ),
    "codes that left right after a promotion without higher errors": (
        judged(latent_code=FAILED), {"promoted_s_ago": 600.0, "previous_exists": True}, "none",
        "changed mix of known kinds",
    ),
    "slow answers": (judged(), {"latency": Latency(130.0, 100.0)}, "scale_out", "latency p99 130 > limit 100 ms"),
    "no reference": (
        judged(**dict.fromkeys(SAMPLE_RULES, "no_data")), {}, "cannot_judge",
        "latent_code is no_data; recon_error is no_data; image_statistics is no_data",
    ),
    "too little traffic": (
        judged(**dict.fromkeys(SAMPLE_RULES, "inconclusive")), {}, "cannot_judge", "latent_code is inconclusive",
    ),
    "one needed rule too noisy to tell": (
        judged(recon_error="inconclusive"), {}, "cannot_judge", "recon_error is inconclusive",
    ),
    "nothing judged at all": (Judgement({}), {}, "cannot_judge", "latent_code: not judged; recon_error: not judged"),
    "codes left, errors unknown": (
        judged(latent_code=FAILED, recon_error="no_data"), {}, "cannot_judge",
        "latent_code is failed; whether errors rose is open: recon_error is no_data",
    ),
    "errors rose, codes unknown": (
        judged(recon_error=FAILED, latent_code="no_data"), {}, "cannot_judge",
        "recon_error is failed; whether codes left is open: latent_code is no_data",
    ),
    "a drift whose pixels cannot be judged": (
        judged(latent_code=FAILED, recon_error=FAILED, image_statistics="no_data"), {"new_kind": risen()},
        "cannot_judge",
        "latent_code is failed; recon_error is failed; a sensor fault cannot be excluded: image_statistics is no_data",
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", TABLE)
def test_the_state_gives_action_and_reason(row: str) -> None:
    judgement, changes, action, reason = TABLE[row]
    decided = triage(judgement, circumstances(**changes), POLICY)
    assert decided.action == action
    assert reason in decided.reason
    assert "\n" not in decided.reason
    if action == "block":
        command = "settings input_policy" if "refused" in row else "retrain --tier emergency"
        assert f"`latentloop {command}`" in decided.reason


def test_no_state_of_the_rules_trains_on_a_sensor_fault_or_without_a_failed_rule() -> None:
    rng = np.random.default_rng(0)
    phases = [str(phase) for phase in Phase]
    for _ in range(1500):
        state = dict(zip(SAMPLE_RULES, rng.choice(phases, len(SAMPLE_RULES)), strict=True))
        found = risen(float(rng.uniform(0.02, 0.9)), float(rng.uniform(0.5, 2))) if rng.random() < 0.5 else None
        judgement = judged(image_shift=3.0, **state)
        around = FoundImages(float(rng.uniform(0, 1)), int(rng.integers(0, 2000)), float(rng.uniform(0, 1)))
        decided = triage(judgement, circumstances(new_kind=found, found=around if found else None), POLICY)
        retrains = decided.action in ("incremental", "emergency", "full")
        if found and not (around.spread <= 0.5 and around.rest >= 50 and around.rest_shift <= 0.5):
            assert not (retrains and any(state.get(rule) == "failed" for rule in CODE_RULES))
        assert not (retrains and state["image_statistics"] in ("failed", "no_data"))
        assert not (retrains and not judgement.failed)
        assert all(each.action in ("block", "scale_out", "none", "cannot_judge") for each in decided.also)
        # a state that is not wholly judged is never called healthy
        if decided.action == "none" and decided.reason.startswith("within"):
            assert all(state[rule] == "passed" for rule in ("latent_code", "recon_error", "image_statistics"))
