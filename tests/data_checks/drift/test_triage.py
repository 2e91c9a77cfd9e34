"""One action, and beside it what else is true; a retrain that was overruled is told as held back."""

from __future__ import annotations

from data_checks.drift.policy import DriftPolicy
from data_checks.drift.triage import triage
from data_checks.drift.triage_facts import Latency
from tests.data_checks.drift.judged import FAILED, SAMPLE_RULES, circumstances, judged, risen

POLICY = DriftPolicy()


def test_the_season_of_the_demo_is_an_emergency_and_black_frames_are_blocked_besides() -> None:
    judgement = judged(latent_code=FAILED, recon_error=FAILED, refused_low_variance=FAILED)
    decided = triage(judgement, circumstances(new_kind=risen()), POLICY)
    assert decided.action == "emergency"
    (also,) = decided.also
    assert also.action == "block"
    assert also.reason.startswith("refused_low_variance is failed; the service keeps none of what it refused")


def test_latency_never_asks_for_a_retrain_and_is_told_beside_one() -> None:
    decided = triage(judged(recon_error=FAILED), circumstances(latency=Latency(250.0, 100.0)), POLICY)
    assert decided.action == "incremental"
    assert [each.action for each in decided.also] == ["scale_out"]


def test_a_retrain_that_a_fault_overrules_is_told_as_held_back_and_asked_of_nobody() -> None:
    judgement = judged(image_statistics=FAILED, latent_code=FAILED, recon_error=FAILED)
    decided = triage(judgement, circumstances(), POLICY)
    assert decided.action == "block"
    assert [each.action for each in decided.also] == ["none"]
    assert decided.also[0].reason.startswith("held back: emergency: encoder-side shift")


def test_a_rollback_holds_back_the_retrain_and_still_tells_the_refusals() -> None:
    judgement = judged(recon_error=FAILED, refused_inverted=FAILED)
    decided = triage(judgement, circumstances(promoted_s_ago=1.0, previous_exists=True), POLICY)
    assert decided.action == "roll_back"
    assert [each.action for each in decided.also] == ["block", "none"]
    assert decided.also[1].reason.startswith("held back: incremental: ")


def test_where_everything_is_refused_the_block_says_that_the_rest_could_not_be_judged() -> None:
    judgement = judged(**dict.fromkeys(SAMPLE_RULES, "no_data"), refused_low_variance=FAILED)
    decided = triage(judgement, circumstances(), POLICY)
    assert decided.action == "block"
    assert [each.action for each in decided.also] == ["cannot_judge"]
