"""A candidate with noised weights: it loads and answers as it says, it is just another model than the champion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from deploy.release import Release
from deploy.settings import Settings
from deploy.stores.objects.artifacts import fetch_artifact
from deploy.stores.sql.release import ReleaseStore
from deploy.wiring import open_database
from latentloop.demo.sabotage import NOISE, _on_trial, _sabotage
from latentloop.demo.settings import QUICK
from latentloop.demo.telling import Story
from tests.deploy.controller.world import swap
from tests.deploy.serving.house import House
from vae_core.artifact import read_artifact


@pytest.fixture
def story(house: House) -> Iterator[Story]:
    """A home in which a tiny version serves."""
    settings = Settings(home=house.root)
    engine = open_database(settings)
    swap(ReleaseStore(engine), champion=house.add_version("7", seed=1))
    yield Story(settings, QUICK, print, cast("Any", None))
    engine.dispose()


def test_the_sabotaged_version_is_whole_and_each_weight_is_noised_by_a_share_of_its_spread(
    story: Story, house: House, tmp_path: Path
) -> None:
    _sabotage(story, tmp_path / "champion", tmp_path / "sabotaged")

    champion = ReleaseStore(open_database(story.settings)).read().champion
    assert champion is not None
    before = fetch_artifact(house.objects, champion.artifact, champion.digest, tmp_path / "as it serves")
    after = read_artifact(tmp_path / "sabotaged", expected_digest=None)
    assert after.digest != before.digest
    assert after.golden is not None and before.golden is not None
    weights = zip(before.model.parameters(), after.model.parameters(), strict=True)
    pairs = [(old.detach(), new.detach()) for old, new in weights if old.numel() >= 500]
    ratios = [float((new - old).std() / old.std()) for old, new in pairs if old.std() > 0]
    # of 500 draws a standard deviation is known to 1 / sqrt(2 x 500) = 3 %: four of those
    assert ratios and ratios == pytest.approx([NOISE] * len(ratios), rel=0.13)


def test_the_same_weights_are_sabotaged_in_the_same_way(story: Story, tmp_path: Path) -> None:
    made = []
    for number in range(2):
        _sabotage(story, tmp_path / f"champion {number}", tmp_path / f"sabotaged {number}")
        made.append(read_artifact(tmp_path / f"sabotaged {number}", expected_digest=None).model)

    for one, other in zip(made[0].parameters(), made[1].parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_version_is_on_trial_in_the_shadow_and_in_the_canary_alone(house: House) -> None:
    served, tried = house.add_version("1", seed=1), house.add_version("2", seed=2)

    def on_trial(**slots: Any) -> bool:
        return _on_trial(Release(champion=served, **slots), "2")

    assert on_trial(shadow=tried) and on_trial(canary=tried, canary_share=0.1)
    assert not on_trial() and not on_trial(previous=tried)
    assert not _on_trial(Release(champion=tried, shadow=served), "2")
