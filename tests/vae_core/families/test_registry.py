"""Every family is found by its word, by its scores and by its figures; whoever looks for one loads no torch."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from vae_core.families.build import build_model
from vae_core.families.columns import Column
from vae_core.families.configs import TrainableConfig
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.registry import (
    FAMILIES,
    closest_columns,
    columns_named,
    family_of,
    family_reporting,
    family_telling,
    register,
    served_families,
)
from vae_core.families.vq_vae.config import VqVaeConfig

SMALL = {"height": 8, "width": 8, "widths": (4,)}
CONFIGS: tuple[TrainableConfig, ...] = (
    ConvVaeConfig(**SMALL, latent_dim=2),
    VqVaeConfig(**SMALL, codebook_size=4, code_dim=4),
    ConvAeConfig(network=ConvVaeConfig(**SMALL, latent_dim=2)),
)
FIGURES = sorted({figure for each in FAMILIES.values() for figure in each.figures})


@pytest.mark.parametrize("config", CONFIGS, ids=list(FAMILIES))
def test_a_config_and_its_model_are_of_one_family(config: TrainableConfig) -> None:
    model = build_model(config)
    assert family_of(config) is family_of(model) is FAMILIES[config.variant]


def test_the_columns_of_a_served_family_are_found_by_their_names_in_any_order() -> None:
    for family in served_families():
        assert columns_named(each.name for each in reversed(family.columns)) == family.columns
    assert columns_named(()) is None, "no served family is without columns"
    assert columns_named(("kl",)) is None
    assert columns_named(("kl", "logvar", "codes")) is None
    assert closest_columns(("kl", "mu")) == FAMILIES["conv_vae"].columns
    assert closest_columns(("codes", "kl", "code_distance")) == FAMILIES["vq_vae"].columns


def test_a_word_and_a_column_mean_one_thing() -> None:
    with pytest.raises(ValueError, match="family conv_vae: the word is taken"):
        register(FAMILIES["conv_vae"])
    other = SimpleNamespace(variant="other", columns=(Column("kl", "vector", "float16"),))
    with pytest.raises(ValueError, match="column kl is declared as .*number.* already, came .*vector"):
        register(other)
    assert "other" not in FAMILIES


def test_a_family_is_found_by_the_figures_of_its_results() -> None:
    for family in FAMILIES.values():
        told = dict.fromkeys(FIGURES) | dict.fromkeys(family.figures, 0)
        assert family_telling(SimpleNamespace(**told)) is family
    assert family_telling(SimpleNamespace(**dict.fromkeys(FIGURES))) is None
    assert family_telling(SimpleNamespace(**dict.fromkeys(FIGURES, 1))) is None


@pytest.mark.parametrize(
    "module", ["vae_core.config", "vae_core.families.registry", "vae_core.reference", "data_checks.sample"]
)
def test_whoever_looks_for_a_family_loads_no_torch(module: str) -> None:
    code = f"import {module}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_family_is_found_by_what_its_training_reports() -> None:
    names = sorted({name for each in FAMILIES.values() for name in each.reported})
    for family in FAMILIES.values():
        assert family_reporting(SimpleNamespace(**dict.fromkeys(names) | dict.fromkeys(family.reported, 0.0))) is family
