"""The short name of what a training is told: another one for any other recipe, and for nothing else."""

from __future__ import annotations

import pytest

from tasks.run.recipe import recipe_name
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened


def _name(configure: Configure, more: str = "") -> str:
    configure(more)
    return recipe_name(opened().settings)


@pytest.mark.parametrize(
    "changed",
    ["full]\nbatch_size = 64", "emergency]\nbatch_size = 64", "model]\nvariant = 'conv_vae'\nlatent_dim = 31"],
)
def test_whatever_a_training_is_told_otherwise_has_another_name(configure: Configure, changed: str) -> None:
    assert _name(configure, f"[training.{changed}\n") != _name(configure)


def test_what_is_no_matter_of_the_training_leaves_the_name(configure: Configure) -> None:
    name = _name(configure)
    assert len(name) == 8 and int(name, 16) >= 0
    assert _name(configure, "[evaluation]\nn_images = 600\n[delivery]\nmax_latency_p99_ms = 60\n") == name
