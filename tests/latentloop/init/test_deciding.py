"""From what was seen to a proposal: what this machine trains in which time, and what no form may be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from latentloop.errors import FrontDoorError
from latentloop.init.deciding import MeasureRate, Rate
from latentloop.init.proposing.afterwards import REST_S
from latentloop.trial_steps import EvaluationCost
from tests.latentloop.init.pictures import grey_textures
from tests.latentloop.init.running import init, written


def test_a_few_steps_are_trained_to_plan_the_budget(work: Path, tmp_path: Path) -> None:
    found, told = init(grey_textures(tmp_path / "grey", 64), trial_s=0.2)

    reasons = {each.name: each.why for each in found.settings}
    assert "measured here" in reasons["training.full.budget.amount"]
    on_processor = "device" not in written(work)["training"]
    assert (written(work)["training"].get("clock") == "cpu") == on_processor, "beside other load as many steps"
    assert found.images_per_s and "a full training: about" in told
    assert found.expected_seconds


def known_machine(cost: EvaluationCost | None) -> MeasureRate:
    """A machine whose speed is known: a thousand images a second."""
    return lambda *asked: Rate(1_000.0, measured=True, evaluation=cost)


def test_the_seconds_that_are_told_are_those_of_the_whole_retraining(work: Path, tmp_path: Path) -> None:
    """Network, prior, every image that is seen by the feature network and the model, samples, and the rest."""
    cost = EvaluationCost(feature_s=0.01, score_s=0.001, sample_s=0.02)
    pictures = grey_textures(tmp_path / "grey", 300)
    found, told = init(pictures, trial_s=1.0, measure=known_machine(cost), subfolders="none")

    network_s = next(each.value for each in found.settings if each.name == "training.full.budget.amount") * 300 / 1_000
    prior_s = next(each.value for each in found.settings if each.name == "training.code_prior.recipe.budget.amount")
    # 60 are held out: they, their reconstructions, as many for the floor, 1,000 samples; 240 trained on and 3 x 60
    measuring_s = (3 * 60 + 1_000) * 0.01 + (240 + 3 * 60) * 0.001 + (1_000 + 48) * 0.02
    assert found.expected_seconds == pytest.approx(network_s + prior_s + measuring_s + REST_S)
    assert "about 30 s to measure the version (features of 1,180 images, 1,048 samples)" in told

    _, told = init(pictures, "other.toml", trial_s=1.0, measure=known_machine(None))
    assert "; measuring the version comes on top, how long was not tried; --minutes N plans another" in told


def test_a_form_that_refuses_every_picture_is_one_line(work: Path, tmp_path: Path) -> None:
    with pytest.raises(FrontDoorError, match="every picture of the sample is refused in this form"):
        init(grey_textures(tmp_path / "grey", 5), size="32", fit="refuse")

    assert os.listdir(work) == []
