"""Fingerprints of the catalogue's images: of their pixels, once for all plans, whatever the order of files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from data_checks.near_duplicates.fingerprint import Fingerprints, take_fingerprints
from deploy.stores.objects.local import LocalObjects
from tasks.dataset.fingerprints import catalogue_fingerprints
from tasks.run.progress import heard_by
from tests.tasks.catalogued import catalogued
from tests.tasks.heard import Heard
from tests.vae_core.synthetic_images import boxes
from vae_core.images.preprocessing import Preprocessing

B, A, C = boxes(5, seed=1), boxes(4, seed=2), boxes(3, seed=3)


def _world(folder: Path, **segments: np.ndarray) -> Any:
    settings = SimpleNamespace(preprocessing=Preprocessing(height=8, width=8))
    catalogue = catalogued(folder / "catalogue", **segments)
    return SimpleNamespace(catalogue=catalogue, objects=LocalObjects(folder / "objects"), settings=settings)


def _taken(world: Any) -> tuple[Fingerprints, str]:
    """Of all rows, and of how many of them an image was looked at now."""
    version, heard = world.catalogue.version(), Heard()
    rows = world.catalogue.read(["digest", "segment", "row"], version=version)
    with heard_by(heard):
        found = catalogue_fingerprints(world, rows, version)
    return found, heard.notes[-1][2] if heard.notes else ""


def _assert_of(found: Fingerprints, pixels: np.ndarray) -> None:
    expected = take_fingerprints(pixels)
    assert len(found) == len(pixels) and found.side == expected.side
    for ours, theirs in ((found.plain, expected.plain), (found.bright, expected.bright)):
        for name in ("shape", "contrast", "brightness", "detail"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_each_row_has_the_fingerprint_of_its_image_though_files_lie_in_another_order(tmp_path: Path) -> None:
    found, told = _taken(_world(tmp_path, b=B, a=A))
    _assert_of(found, np.concatenate([A, B]))
    assert told == "9 of 9 images, by which copies are found"


def test_what_was_looked_at_for_an_earlier_plan_is_not_looked_at_again(tmp_path: Path) -> None:
    _taken(_world(tmp_path, b=B))
    found, told = _taken(_world(tmp_path, a=A, c=C))
    _assert_of(found, np.concatenate([A, B, C]))
    assert told == "7 of 7 images, by which copies are found", "those that came since"
    found, told = _taken(_world(tmp_path))
    _assert_of(found, np.concatenate([A, B, C]))
    assert told == "", "and now none"
