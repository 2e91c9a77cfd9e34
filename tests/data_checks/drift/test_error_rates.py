"""False alarms and detections by simulation, with the bounds that the binomial distribution gives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from data_checks.drift.judge import judge_window
from data_checks.drift.policy import DriftPolicy
from data_checks.drift.screening import judge_screening
from data_checks.sample import Sample
from tests.data_checks.drift.traffic import ANY_EFFECT, Source, at_family_level, concatenate, window_of

SOURCE = Source(1)


def bursts_of_ten(sample: Sample) -> Sample:
    """Every image ten times in a row."""
    return sample.take(np.repeat(np.arange(len(sample)), 10))


@pytest.mark.parametrize(
    ("correlation", "n", "windows", "latent_dim"),
    [(0.0, 500, 500, 12), (0.7, 500, 500, 12), (0.0, 2000, 60, 32), (0.7, 2000, 60, 32)],
)
def test_healthy_windows_alarm_no_more_often_than_the_family_level(
    correlation: float, n: int, windows: int, latent_dim: int
) -> None:
    # At the policy's own 4.4e-6 nothing can be counted: the same rules at 5 %, significance alone deciding, over
    # 1,120 windows. A true 5 % exceeds the bound with probability 1e-4.
    policy = at_family_level(0.05, **ANY_EFFECT, posterior_min_images=500)
    assert policy.family_level == pytest.approx(0.05)
    source, rng = Source(1, latent_dim), np.random.default_rng(int(1000 * correlation) + n)
    alarms = 0
    for index in range(windows):
        if index % 10 == 0:
            reference = source.draw(1500, rng)
        alarms += bool(judge_window(window_of(source.draw(n, rng, correlation=correlation)), reference, policy).failed)
    assert alarms <= binom.ppf(1 - 1e-4, windows, 0.05)


def test_bursts_of_ten_identical_images_do_not_alarm() -> None:
    policy = at_family_level(0.05, **ANY_EFFECT, posterior_min_images=500)
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(60):
        reference, window = SOURCE.draw(1500, rng), bursts_of_ten(SOURCE.draw(600, rng))
        alarms += bool(judge_window(window_of(window), reference, policy).failed)
    assert alarms <= binom.ppf(1 - 1e-4, 60, 0.05)


def test_repeats_that_differ_a_little_do_not_alarm_either() -> None:
    # a camera that sends ten frames of the same thing: no two are equal, so only the blocks can tell
    policy = at_family_level(0.05, **ANY_EFFECT, posterior_min_images=500)
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(60):
        window = bursts_of_ten(SOURCE.draw(200, rng))
        window = Sample.from_columns(
            {name: column * (1 + 1e-4 * rng.normal(size=column.shape)) for name, column in window.columns().items()}
        )
        alarms += bool(judge_window(window_of(window), SOURCE.draw(1500, rng), policy).failed)
    assert alarms <= binom.ppf(1 - 1e-4, 60, 0.05)


@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_the_screening_suspects_healthy_traffic_no_more_often_than_its_level(correlation: float) -> None:
    policy = DriftPolicy(suspicions_a_day=100.0, **ANY_EFFECT)
    assert policy.screening_level == pytest.approx(0.05)
    rng = np.random.default_rng(5)
    suspicions = 0
    for _ in range(150):
        reference, window = SOURCE.draw(1500, rng), SOURCE.draw(1000, rng, correlation=correlation)
        suspicions += judge_screening(window_of(window), reference, policy).failed
    assert suspicions <= binom.ppf(1 - 1e-4, 150, 0.05)


def test_at_its_own_level_and_effect_sizes_healthy_traffic_raises_no_alarm_and_no_suspicion() -> None:
    policy = DriftPolicy()
    rng = np.random.default_rng(6)
    for _ in range(60):
        reference, window = SOURCE.draw(1500, rng), window_of(SOURCE.draw(1000, rng))
        assert judge_window(window, reference, policy).failed == ()
        assert not judge_screening(window, reference, policy).failed


@pytest.mark.parametrize("reference_n", [1500, 5000])
def test_new_kinds_of_17_percent_are_found_within_3000_requests(reference_n: int) -> None:
    # Each of 30 stories must be found: a true miss rate of 10 % would let that happen with probability .04.
    policy = DriftPolicy()
    rng = np.random.default_rng(reference_n)
    for _ in range(30):
        reference = SOURCE.draw(reference_n, rng)
        story = concatenate(SOURCE.draw(2000, rng), SOURCE.draw(3000, rng, new_share=0.17))
        windows = [window_of(story.take(slice(at - 2000, at))) for at in range(2500, 5001, 500)]
        suspected = next(at for at, window in enumerate(windows) if judge_screening(window, reference, policy).failed)
        # the monitor run that the suspicion starts, or the next one, confirms it
        assert any("latent_code" in judge_window(each, reference, policy).failed for each in windows[suspected:])


def test_a_shift_too_small_to_matter_is_left_alone_however_much_traffic_shows_it() -> None:
    policy = DriftPolicy(window_images=20_000)
    rng = np.random.default_rng(7)
    for _ in range(3):
        window = window_of(SOURCE.draw(20_000, rng, new_share=0.02))
        assert judge_window(window, SOURCE.draw(5000, rng), policy).failed == ()
