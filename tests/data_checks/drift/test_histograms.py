"""How often a VQ-VAE uses its codes, judged beside its other rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data_checks.drift.judge import judge_window
from data_checks.drift.policy import DriftPolicy, rules_for
from data_checks.drift.triage import Circumstances, triage
from data_checks.sample import Sample
from data_checks.verdict import Phase
from tests.data_checks.drift.grids import Grids
from tests.data_checks.drift.traffic import window_of
from vae_core.families.registry import FAMILIES

GRID_RULES = rules_for(each.name for each in FAMILIES["vq_vae"].columns)

GRIDS = Grids(1)
POLICY = DriftPolicy()
REFERENCE = GRIDS.sample(3000, np.random.default_rng(100))
NOTHING_ELSE = Circumstances(new_kind=None, promoted_s_ago=None, previous_exists=False, latency=None)


def healthy(n: int = 2000, seed: int = 0) -> Sample:
    return GRIDS.sample(n, np.random.default_rng(seed))


@pytest.mark.parametrize("n", [500, 2000])
def test_a_healthy_window_passes_or_waits_and_shows_what_of_the_codebook_it_uses(n: int) -> None:
    judgement = judge_window(window_of(healthy(n)), REFERENCE, POLICY)
    assert tuple(judgement.verdicts) == GRID_RULES
    assert judgement.failed == ()
    verdict = judgement.verdicts["code_histogram"]
    assert verdict.phase in (Phase.passed, Phase.inconclusive)
    js, used, perplexity = verdict.evidence
    assert (js.name, used.name, perplexity.name) == ("code_js_distance", "codes_used", "code_perplexity")
    codes = healthy(n).column("codes")
    assert used.value == len(np.unique(codes)) and used.limit is None
    shares = np.bincount(codes.ravel()) / codes.size
    shares = shares[shares > 0]
    assert perplexity.value == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))
    assert f"perplexity {perplexity.value:.4g}, of the reference" in verdict.reason


def test_a_new_kind_moves_the_histogram_and_triage_calls_it_a_change_of_codes() -> None:
    window = GRIDS.sample(2000, np.random.default_rng(1), new_share=0.3)
    judgement = judge_window(window_of(window), REFERENCE, POLICY)
    assert judgement.failed == ("code_histogram",)
    assert "code_js_distance" in judgement.verdicts["code_histogram"].reason
    decided = triage(judgement, NOTHING_ELSE, POLICY)
    assert (decided.action, "changed mix of known kinds" in decided.reason) == ("none", True)


def test_codes_and_errors_that_left_together_are_an_emergency() -> None:
    window = GRIDS.sample(2000, np.random.default_rng(1), new_share=0.3)
    worse = replace(window, recon_error=window.recon_error * 1.4)
    judgement = judge_window(window_of(worse), REFERENCE, POLICY)
    assert triage(judgement, NOTHING_ELSE, POLICY).action == "emergency"


def _codes(sample: Sample) -> np.ndarray:
    return sample.column("codes").copy()


def with_codes(sample: Sample, codes: np.ndarray) -> Sample:
    return replace(sample, own={**sample.own, "codes": codes})


def _missing(sample: Sample) -> np.ndarray:
    codes = _codes(sample)
    codes[17, 3] = -1
    return codes


@pytest.mark.parametrize("whose", ["window", "reference"])
@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (_missing, "codes: 1 of {n} images of the {whose} have none"),
        (
            lambda sample: np.tile(_codes(sample)[:1], (len(sample), 1)),
            "codes are the same for every image of the {whose}",
        ),
    ],
)
def test_codes_that_say_nothing_are_not_judged(whose: str, broken, words: str) -> None:
    samples = {"window": healthy(), "reference": REFERENCE}
    samples[whose] = with_codes(samples[whose], broken(samples[whose]))
    verdict = judge_window(window_of(samples["window"]), samples["reference"], POLICY).verdicts["code_histogram"]
    assert verdict.phase is Phase.no_data
    assert words.format(n=len(samples[whose]), whose=whose) in verdict.reason


def test_traffic_of_another_kind_or_grid_is_of_another_model() -> None:
    vae = GRIDS.rest.draw(2000, np.random.default_rng(3))
    smaller = with_codes(healthy(), _codes(healthy())[:, :36])
    for window, reference, words in (
        (vae, REFERENCE, "codes of 49, code_distance for an image, of the traffic logvar of 16, kl"),
        (smaller, REFERENCE, "codes of 49, code_distance for an image, of the traffic codes of 36, code_distance"),
        (
            healthy(),
            GRIDS.rest.draw(2000, np.random.default_rng(4)),
            "logvar of 16, kl for an image, of the traffic codes of 49, code_distance",
        ),
    ):
        verdicts = judge_window(window_of(window), reference, POLICY).verdicts
        assert tuple(verdicts) == rules_for(reference.own)
        assert {each.phase for each in verdicts.values()} == {Phase.no_data}
        assert all(words in each.reason for each in verdicts.values())
