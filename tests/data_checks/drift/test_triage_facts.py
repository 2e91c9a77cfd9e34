"""What the rows of triage ask: which rules failed, whether risen clusters may be a new kind, how much moved."""

from __future__ import annotations

import pytest

from data_checks.drift.found_images import FoundImages
from data_checks.drift.judge import Judgement
from data_checks.drift.policy import DriftPolicy
from data_checks.drift.triage_facts import Facts
from data_checks.verdict import Phase
from tests.data_checks.drift.judged import FAILED, circumstances, judged, risen

POLICY = DriftPolicy(known_error_ratio=1.25, kind_spread=0.5)


def facts(judgement: Judgement, **changes: object) -> Facts:
    return Facts(judgement, circumstances(**changes), POLICY)


def test_a_tail_of_codes_is_a_rule_of_codes_and_one_of_errors_a_rule_of_errors() -> None:
    known = facts(judged(norm_tail=FAILED, recon_error_tail=FAILED, image_statistics=FAILED, kl="inconclusive"))
    assert [each.reason for each in known.codes_left] == ["norm_tail is failed"]
    assert [each.reason for each in known.errors_rose] == ["recon_error_tail is failed"]
    assert known.drifted == known.codes_left + known.errors_rose


@pytest.mark.parametrize(
    ("error_ratio", "spread", "unknown", "new"),
    [
        (1.26, None, True, True),
        (1.25, None, False, False),
        (1.26, 0.5, True, True),
        (1.26, 0.51, True, False),
        (1.25, 0.51, False, False),
    ],
    ids=["not measured", "known errors", "few places", "every place", "known errors in every place"],
)
def test_risen_clusters_are_a_new_kind_beyond_the_errors_and_within_the_spread_of_known_ones(
    error_ratio: float, spread: float | None, unknown: bool, new: bool
) -> None:
    found = None if spread is None else FoundImages(spread, rest=900, rest_shift=0.0)
    kind = risen(error_ratio=error_ratio)
    known = facts(judged(), new_kind=kind, found=found)
    assert (known.unknown is kind, known.new_kind is kind) == (unknown, new)


def test_without_risen_clusters_there_is_no_kind_and_that_is_said() -> None:
    known = facts(judged())
    assert known.unknown is None and known.new_kind is None and known.risen == "no cluster rose"


def test_the_share_that_moved_is_the_largest_distance_of_a_dimension_and_none_where_it_was_not_measured() -> None:
    judgement = judged(latent_code=FAILED, latent_ks=0.41)
    verdict = judgement.verdicts["latent_code"]
    shift = verdict.evidence[0]
    assert (shift.name, shift.value) == ("latent_shift", 0.5), "a length in reference sd is no share of the traffic"
    assert facts(judgement).share_moved() == 0.41
    alone = verdict.model_copy(update={"evidence": (shift,)})
    assert facts(Judgement({"latent_code": alone})).share_moved() == 0.0


def test_a_rule_that_was_not_judged_has_no_data_and_says_so() -> None:
    known = facts(Judgement({}))
    assert known.phase("recon_error") is Phase.no_data
    assert known.why("recon_error") == "recon_error: not judged"
    assert known.failed(("recon_error",)) == []


def test_a_limit_is_told_as_a_settings_file_has_it() -> None:
    assert facts(judged()).setting("kind_spread") == "`drift.kind_spread = 0.5`"
