"""Codes of many images by a model on the device of the settings; how many tokens keep the code that the parent gave."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.scoring.codes import encode_codes, share_kept
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened
from tests.tasks.watched_devices import NoResult, Seen, devices_of, watch_devices, world_on
from tests.vae_core.synthetic_images import boxes, tiny_vq_vae


def test_the_share_kept_is_that_of_the_tokens_with_the_parents_code(configure: Configure) -> None:
    parent, pixels = tiny_vq_vae(), boxes(40)
    same = encode_codes(opened(), parent, pixels)
    assert (
        same.dtype == np.int32
        and same.shape == (40, 2, 2)
        and share_kept(opened(), parent, pixels, same, seed=0) == 1.0
    )
    moved = same.copy()
    moved[:10] = (moved[:10] + 1) % 16  # a quarter of the images, all four tokens of each
    assert share_kept(opened(), parent, pixels, moved, seed=0) == 0.75


def test_it_is_of_images_drawn_by_the_seed_where_there_are_more_than_are_compared(configure: Configure) -> None:
    parent, pixels = tiny_vq_vae(), boxes(40)
    moved = encode_codes(opened(), parent, pixels)
    moved[20:] = (moved[20:] + 1) % 16
    found = [share_kept(opened(), parent, pixels, moved, seed=seed, at_most=10) for seed in (0, 1, 0)]
    drawn = [np.random.default_rng(seed).permutation(40)[:10] for seed in (0, 1, 0)]
    assert found == [float(np.mean(each < 20)) for each in drawn]


def test_codes_are_given_by_models_on_the_device_and_the_parent_stays_where_it_was() -> None:
    seen, on_meta = Seen(), world_on("meta")
    model, parent = (watch_devices(tiny_vq_vae(seed), seen) for seed in (5, 6))
    with pytest.raises(NoResult):
        encode_codes(on_meta, model, boxes(20))
    with pytest.raises(NoResult):
        share_kept(on_meta, parent, boxes(20), np.zeros((20, 2, 2), np.int32), seed=0)
    assert seen == [("meta", {"meta"})] * 2
    assert devices_of(model) == devices_of(parent) == {"cpu"}
