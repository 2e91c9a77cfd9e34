"""The demo's settings file for each of its models."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.settings import CONFIG_VARIABLE
from latentloop.demo.settings import FULL, QUICK, Scale, demo_settings
from latentloop.demo.told import DemoModel
from vae_core.config import Budget
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.vq_vae.config import VqVaeConfig


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own, and the variable that the demo sets is undone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CONFIG_VARIABLE, "")


@pytest.mark.parametrize("scale", [FULL, QUICK])
def test_the_demo_asks_for_a_vae_unless_told_otherwise(scale: Scale) -> None:
    training = demo_settings(scale, DemoModel.vae).training
    assert training.model == ConvVaeConfig()
    assert training.full.budget == Budget(amount=scale.training_s, unit="seconds")
    assert training.full.kl_warmup_share == 0.1


@pytest.mark.parametrize("scale", [FULL, QUICK])
def test_the_demo_of_a_vq_vae_trains_the_default_with_a_short_prior(scale: Scale) -> None:
    training = demo_settings(scale, DemoModel.vqvae).training
    assert training.model == VqVaeConfig()
    assert training.code_prior.recipe.budget == Budget(amount=scale.prior_s, unit="seconds")
    assert (training.clock, training.emergency.budget.amount) == ("cpu", scale.emergency_s)
