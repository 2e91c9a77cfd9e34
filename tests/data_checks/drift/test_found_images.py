"""A new kind lies beside the known ones, a fault among all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data_checks.drift.found_images import FoundImages, measure_found
from data_checks.drift.judge import judge_window
from data_checks.drift.policy import DriftPolicy
from data_checks.drift.triage import Circumstances, Triage, triage
from data_checks.kinds.new_kind import NewKindPolicy, find_new_kind
from data_checks.sample import Sample
from tests.data_checks.drift.traffic import window_of
from tests.data_checks.kinds.drawn import NEW, draw, known_kinds, season_kinds

POLICY = DriftPolicy()


def reference(n: int = 3000) -> Sample:
    rng = np.random.default_rng(0)
    return draw(known_kinds(n, rng), rng)


def season(share: float, seed: int, n: int = 2000) -> tuple[Sample, np.ndarray]:
    """Traffic with a new kind, and which images are of it."""
    rng = np.random.default_rng((seed, 9))
    kinds = season_kinds(n, share, rng)
    return draw(kinds, rng), kinds == NEW


def hit(images: Sample, hits: np.ndarray) -> Sample:
    """The images with a fault in those hit: codes pushed one way, errors trebled, the pixels as they were."""
    push = np.where(hits[:, None], 0.6 * np.cos(np.arange(images.latent_dim)), 0.0)
    mu = (images.mu.astype(np.float64) + push).astype(images.mu.dtype)
    return replace(images, mu=mu, recon_error=images.recon_error * np.where(hits, 3, 1).astype(np.float32))


def faulty(share: float, seed: int) -> tuple[Sample, np.ndarray]:
    """Traffic of known kinds with that fault, and which images have it."""
    images, _ = season(0.0, seed)
    hits = np.random.default_rng((seed, 10)).random(len(images)) < share
    return hit(images, hits), hits


def decide(images: Sample) -> Triage:
    kind = find_new_kind(images, reference(), NewKindPolicy(), seed=0)
    assert kind is not None
    around = measure_found(images, reference(), kind.indices, seed=0)
    return triage(
        judge_window(window_of(images), reference(), POLICY), Circumstances(kind, None, False, None, around), POLICY
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.25, 0.4])
def test_a_new_kind_is_learnt_and_a_fault_of_as_many_images_is_shown_to_a_person(share: float, seed: int) -> None:
    assert decide(season(share, seed)[0]).action == "emergency"
    fault = decide(faulty(share, seed)[0])
    assert (fault.action, fault.also[0].action) == ("block", "none")
    assert fault.reason.startswith("images of every kind are altered")
    assert fault.also[0].reason.startswith("held back: emergency")


def test_a_fault_of_the_whole_traffic_is_blocked() -> None:
    assert decide(faulty(1.0, 0)[0]).action == "block"


def test_images_drawn_from_the_reference_spread_as_wide_as_it_does() -> None:
    images, _ = season(0.0, 1)
    around = measure_found(images, reference(), np.arange(0, len(images), 2), seed=0)
    assert 0.9 <= around.spread <= 1.1
    assert around.rest == 1000
    # three means of 1,000 images against 3,000: a standard error of .037
    assert around.rest_shift <= 4 * 0.037


def test_one_known_kind_lies_in_its_share_of_the_places() -> None:
    rng = np.random.default_rng(3)
    kinds = known_kinds(2000, rng)
    around = measure_found(draw(kinds, rng), reference(), np.flatnonzero(kinds == 3), seed=0)
    assert around.spread <= 2 / 8


def test_the_rest_moves_with_the_images_outside_and_not_with_the_found() -> None:
    images, _ = season(0.0, 2)
    found = np.arange(300)
    one_sd = np.float32(reference().image_mean.std())
    moved_found = replace(images, image_mean=images.image_mean + one_sd * (np.arange(2000) < 300))
    moved_rest = replace(images, image_mean=images.image_mean + one_sd * (np.arange(2000) >= 300))
    assert measure_found(moved_found, reference(), found, seed=0).rest_shift <= 0.15
    assert measure_found(moved_rest, reference(), found, seed=0).rest_shift == pytest.approx(1.0, abs=0.15)


def test_without_a_rest_there_is_none_and_codes_that_are_no_numbers_are_left_out() -> None:
    images, _ = season(0.0, 4)
    broken = reference()
    broken.mu[::7] = np.nan
    around = measure_found(images, broken, np.arange(len(images)), seed=0)
    assert isinstance(around, FoundImages)
    assert (around.rest, around.rest_shift) == (0, 0.0)
    assert 0.9 <= around.spread <= 1.1
