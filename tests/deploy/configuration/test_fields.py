"""What the reference knows of each setting: a description, a unit, its bounds, and the default that holds."""

from __future__ import annotations

import pytest

from deploy.configuration.fields import read_tables
from deploy.settings import Settings, load_settings
from tests.deploy.configuration.by_name import FIELDS, field


def test_every_setting_has_a_description() -> None:
    assert [each.name for each in FIELDS if not each.description] == []
    assert len(FIELDS) > 290


def test_every_table_says_what_it_is() -> None:
    assert [each.name for each in read_tables(Settings) if not each.description] == []


def test_a_table_that_may_be_of_two_kinds_is_there_for_each() -> None:
    models = {each.variant: each for each in read_tables(Settings) if each.name == "training.model"}
    assert {name: each.chosen for name, each in models.items()} == {"conv_vae": False, "vq_vae": True}
    assert (field("training.model.latent_dim").variant, field("training.model.code_dim").variant) == (
        "conv_vae",
        "vq_vae",
    )


@pytest.mark.usefixtures("file")
def test_the_defaults_are_those_that_hold_where_nobody_says_anything() -> None:
    settings = load_settings().model_dump(mode="json")

    for each in FIELDS:
        if each.default_in_words or each.variant == "conv_vae":
            continue
        held = settings
        for word in each.name.split("."):
            held = held[word]
        assert each.default == held, each.name


def test_defaults_of_a_machine_are_words() -> None:
    assert {each.name for each in FIELDS if each.default_in_words} == {
        "home",
        "assets_folder",
        "timezone",
        "serving.replica",
    }
