"""What set-up brings once: the feature network, and the data set where it is to be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.settings import Settings
from latentloop.assets import bring_all, bring_features
from latentloop.errors import DatasetMissing


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A machine on which nothing was brought yet."""
    return Settings(home=tmp_path / "home", assets_folder=tmp_path / "assets")


def brought(settings: Settings, fetch: object) -> list[str]:
    said: list[str] = []
    bring_all(settings, said.append, fetch)  # type: ignore[arg-type]
    return said


def from_a_shop(destination: Path) -> str:
    destination.mkdir(parents=True)
    return "a shop"


def from_nowhere(destination: Path) -> str:
    raise DatasetMissing("there is no network here")


def test_both_are_brought_once_and_then_nothing_is_said(settings: Settings) -> None:
    assert brought(settings, from_a_shop) == [
        f"feature network converted to {settings.features_file}",
        "Fashion-MNIST brought by a shop",
    ]
    assert settings.features_file.is_file()
    assert brought(settings, from_nowhere) == []


def test_a_data_set_that_is_not_to_be_had_is_a_note_and_the_network_is_there(settings: Settings) -> None:
    converted, note = brought(settings, from_nowhere)

    assert converted.startswith("feature network converted to ")
    assert note == "note: there is no network here"
    assert not bring_features(settings), "it is there"


def test_a_data_set_that_the_settings_name_is_not_fetched(settings: Settings, tmp_path: Path) -> None:
    named = settings.model_copy(update={"fashion_mnist": tmp_path / "mine"})

    assert len(brought(named, from_nowhere)) == 1
