"""Settings for somebody's own pictures: what init proposes, with the demo's clocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.settings import CONFIG_VARIABLE
from latentloop.demo.own.settings import OWN_QUICK, own_settings
from tests.latentloop.demo.own.three_kinds import quiet
from vae_core.config import Budget


def test_the_settings_are_what_init_proposes_with_the_demos_clocks(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scale = OWN_QUICK
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CONFIG_VARIABLE, "")
    proposed = own_settings(scale, str(folder / "hats"), quiet)
    settings, said = proposed.settings, {each.name: each.value for each in proposed.report.settings}

    assert settings.preprocessing.shape == (3, 16, 16)
    assert settings.intake.subfolders == said["intake.subfolders"] == "none"
    assert settings.training.emergency.batch_size == said["training.full.batch_size"]
    assert settings.training.full.budget == Budget(amount=scale.training_s, unit="seconds")
    assert settings.training.emergency.budget == Budget(amount=scale.emergency_s, unit="seconds")
    assert (settings.clock_factor, settings.evaluation.n_images) == (0.05, scale.benchmark)
    assert proposed.sheet.startswith(b"\x89PNG")
