"""How many tokens keep the code that the parent gives them."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.scoring import codes as of_codes
from tasks.scoring.codes import encode_codes, share_kept
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened
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


def test_it_is_of_images_drawn_by_the_seed_where_there_are_more_than_are_compared(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, pixels = tiny_vq_vae(), boxes(40)
    moved = encode_codes(opened(), parent, pixels)
    moved[20:] = (moved[20:] + 1) % 16
    monkeypatch.setattr(of_codes, "COMPARED_IMAGES", 10)
    found = [share_kept(opened(), parent, pixels, moved, seed=seed) for seed in (0, 1, 0)]
    drawn = [np.random.default_rng(seed).permutation(40)[:10] for seed in (0, 1, 0)]
    assert found == [float(np.mean(each < 20)) for each in drawn]
