"""Many images are scored as few are, and their reconstructions do not stay in memory."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from tasks.scoring import scores as scoring
from tasks.scoring.scores import score_many
from tests.vae_core.synthetic_images import boxes, tiny_vq_vae
from vae_core import inference, reference
from vae_core.families.scores import Scores
from vae_core.families.variants import MeasuredModel
from vae_core.inference import score_images


def test_in_parts_they_are_scored_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, pixels = tiny_vq_vae(), boxes(40)
    monkeypatch.setattr(scoring, "IMAGES_AT_ONCE", 16)
    found, expected = score_many(model, pixels, "images"), score_images(model, pixels)
    np.testing.assert_array_equal(found.column("codes"), expected.column("codes"))
    np.testing.assert_allclose(found.recon_error, expected.recon_error, rtol=1e-5)
    assert found.recon_error.shape == (40,) and found.reconstruction.shape == (0, *pixels.shape[1:])


def test_no_reconstruction_outlives_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    model, pixels, made = tiny_vq_vae(), boxes(40), list[weakref.ref[np.ndarray]]()

    def score(model: MeasuredModel, pixels: np.ndarray, *, device: str) -> Scores:
        gc.collect()
        alive.append(sum(each() is not None for each in made))
        scores = score_images(model, pixels, device=device)
        own = scores.reconstruction.copy()
        made.append(weakref.ref(own))
        return replace(scores, reconstruction=own)

    monkeypatch.setattr(inference, "score_images", score)
    monkeypatch.setattr(scoring, "IMAGES_AT_ONCE", 10)
    monkeypatch.setattr(reference, "CHUNK", 10)
    for work in (lambda: score_many(model, pixels, "images"), lambda: reference.measure_reference(model, pixels)):
        alive = list[int]()
        made.clear()
        work()
        # the one before is still named where it was made
        assert len(alive) == 4 and max(alive) <= 1
