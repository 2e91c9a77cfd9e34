"""Pictures of a card that show what a cluster holds."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from tasks.card.pictures import SHOWN_IMAGES, _draw_clusters
from tests.tasks.card.test_model_card import RESULT
from tests.tasks.card.test_rows import GROUPED
from tests.vae_core.synthetic_images import TINY, boxes
from vae_core.families.build import build_model

ZOOM, SIDE = 2, 8


def _pixels_of(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)))[::ZOOM, ::ZOOM]


def test_the_worst_cluster_is_shown_with_its_reconstructions_and_the_least_covered_alone() -> None:
    pixels, clusters = boxes(120), np.tile([7, 1, 16], 40)
    artifact: Any = SimpleNamespace(model=build_model(TINY).eval())
    pictures = _draw_clusters(artifact, pixels, GROUPED, clusters)
    assert list(pictures) == ["worst_cluster.png", "least_covered_cluster.png"]
    worst, least = (_pixels_of(each) for each in pictures.values())
    assert worst.shape == (2 * SIDE, SHOWN_IMAGES * SIDE) and least.shape == (SIDE, SHOWN_IMAGES * SIDE)
    for shown, cluster in ((worst[:SIDE], 7), (least, 1)):
        of_cluster = [image[0].tolist() for image in pixels[clusters == cluster]]
        for place in range(SHOWN_IMAGES):
            assert shown[:, place * SIDE : (place + 1) * SIDE].tolist() in of_cluster


def test_a_set_without_clusters_has_no_pictures_of_them() -> None:
    artifact: Any = SimpleNamespace(model=build_model(TINY).eval())
    assert _draw_clusters(artifact, boxes(20), RESULT, None) == {}
