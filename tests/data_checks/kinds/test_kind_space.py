"""Kinds that a model's codes hide are found where the feature network tells them apart; alike images give no answer."""

from __future__ import annotations

import numpy as np
import pytest

from data_checks.kinds.kind_space import DIMENSIONS, SPREAD, KindSpace
from data_checks.kinds.new_kind import NewKindPolicy, find_new_kind
from data_checks.sample import Sample
from data_checks.statistics.rates import measure_rate
from tests.data_checks.kinds.drawn import draw, known_kinds

FEATURES, KINDS, NEW = 200, 10, 10
CENTRES = np.random.default_rng(7).normal(size=(KINDS + 1, FEATURES))
POLICY = NewKindPolicy()


def features_of(kinds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each kind around a direction of its own; lengths say nothing."""
    lengths = rng.uniform(0.5, 2.0, (len(kinds), 1))
    return (lengths * (CENTRES[kinds] + rng.normal(0, 1.5, (len(kinds), FEATURES)))).astype(np.float32)


def coded_alike(n: int, rng: np.random.Generator) -> Sample:
    """Images whose codes and errors do not depend on their kinds."""
    return draw(known_kinds(n, rng), rng)


def test_a_kind_that_is_coded_among_known_ones_is_found_in_the_space_of_features() -> None:
    figures = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        kinds = np.where(rng.random(2_000) < 0.3, NEW, rng.integers(0, KINDS, 2_000))
        window, known = coded_alike(2_000, rng), coded_alike(800, rng)
        space = KindSpace.fit(features_of(rng.integers(0, KINDS, 800), rng))
        places = space.place(features_of(kinds, rng)), space.points

        assert find_new_kind(window, known, POLICY, seed=seed) is None, "the codes do not tell"
        found = find_new_kind(window, known, POLICY, seed=seed, places=places)
        assert found is not None
        figures.append(
            ((kinds == NEW)[found.indices].mean(), np.isin(np.flatnonzero(kinds == NEW), found.indices).mean())
        )
    precision, recall = np.mean(figures, axis=0)
    assert precision >= 0.8 and recall >= 0.6, figures


def test_equal_distributions_give_an_answer_in_at_most_1_percent_of_the_calls() -> None:
    calls, answers = 320, 0
    for seed in range(calls):
        rng = np.random.default_rng((seed, 1))
        n, known = [(300, 300), (600, 300), (300, 600), (500, 500)][seed % 4]
        space = KindSpace.fit(features_of(rng.integers(0, KINDS, known), rng))
        places = space.place(features_of(rng.integers(0, KINDS, n), rng)), space.points
        window, before = coded_alike(n, rng), coded_alike(known, rng)
        answers += find_new_kind(window, before, POLICY, seed=seed, places=places) is not None
    # no answer in 320 calls: the rate is below 0.0093 at 95 %
    assert measure_rate(answers, calls, confidence=0.95).high <= 0.01


def test_the_space_is_that_of_directions_and_as_wide_as_it_says() -> None:
    rng = np.random.default_rng(0)
    features = features_of(rng.integers(0, KINDS, 500), rng)
    space = KindSpace.fit(features)
    assert space.points.shape == (500, DIMENSIONS) and space.axes.shape == (DIMENSIONS, FEATURES)
    assert space.points.var(axis=0).sum() == pytest.approx(SPREAD**2, rel=1e-3)
    np.testing.assert_allclose(space.place(features * 3.0), space.points, atol=1e-4)


def test_fewer_images_than_dimensions_and_equal_ones_have_a_space_too() -> None:
    few = KindSpace.fit(np.random.default_rng(0).normal(size=(5, FEATURES)))
    assert few.points.shape == (5, 5) and np.isfinite(few.points).all()
    same = KindSpace.fit(np.ones((30, FEATURES)))
    assert np.isfinite(same.place(np.ones((3, FEATURES)))).all()
