"""A version whose golden answers cannot be had is taken back before it is compared with anybody."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deploy.delivery.steps import LoadBeside, RecordApproval, TakeBack, TryGolden
from tests.deploy.controller.neighbourhood import MARKS, World, kinds
from tests.deploy.serving.house import tiny_artifact
from vae_core.artifact import Artifact
from vae_core.golden import Golden

pytestmark = MARKS


def with_golden(seed: int, golden: Golden | None) -> Artifact:
    return replace(tiny_artifact(seed), golden=golden)


def test_golden_answers_that_differ_are_taken_back(world: World) -> None:
    good = tiny_artifact(900).golden
    assert good is not None
    _assert_taken_back(
        world,
        with_golden(900, replace(good, recon_error=good.recon_error * 1.5)),
        "golden inputs through the service: golden_deviation 0.3333 > limit 0.01 relative (n=4)",
    )


def test_golden_inputs_that_the_service_refuses_are_taken_back(world: World) -> None:
    good = tiny_artifact(901).golden
    assert good is not None
    black = replace(good, pixels=np.zeros_like(good.pixels))
    _assert_taken_back(world, with_golden(901, black), "golden inputs could not be tried: service at http://")


def test_a_version_without_golden_answers_is_taken_back(world: World) -> None:
    _assert_taken_back(world, with_golden(902, None), "golden inputs could not be tried: artifacts/")


def _assert_taken_back(world: World, artifact: Artifact, reason: str) -> None:
    champion = world.neighbours.releases.read().champion
    version, _ = world.register(artifact)
    world.approve(version)
    steps = world.settle(version)
    assert kinds(steps) == [RecordApproval, LoadBeside, TryGolden, TakeBack]
    release = world.neighbours.releases.read()
    assert release.champion == champion and release.shadow is None
    assert world.tags(version)["delivery"] == "rolled_back"
    assert world.tags(version)["delivery_reason"].startswith(f"version {version} taken back: {reason}")
    assert world.look() == []
