"""Images of the catalogue are decoded to their rows, whatever order and company they are read in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.dataset.pixels import read_pixels
from tests.tasks.catalogued import catalogued
from tests.vae_core.synthetic_images import boxes
from vae_core.images.preprocessing import Preprocessing

GREY = Preprocessing(height=8, width=8)
B, A, C = boxes(5, seed=1), boxes(4, seed=2), boxes(3, seed=3)


def test_pixels_are_in_the_order_of_the_rows_not_of_the_files(tmp_path: Path) -> None:
    catalogue = catalogued(tmp_path, b=B, a=A, c=C)
    rows = catalogue.read(["segment", "row"])
    pixels = read_pixels(catalogue, catalogue.version(), rows, GREY)
    np.testing.assert_array_equal(pixels, np.concatenate([A, B, C]))


def test_of_chosen_rows_only_those_are_decoded_and_of_the_version_that_is_asked_for(tmp_path: Path) -> None:
    catalogue = catalogued(tmp_path, b=B, a=A)
    version = catalogue.version()
    catalogued(tmp_path, c=C)
    rows = catalogue.read(["row", "segment"], version).take([0, 3, 4, 8])
    np.testing.assert_array_equal(read_pixels(catalogue, version, rows, GREY), np.stack([A[0], A[3], B[0], B[4]]))


def test_no_rows_are_no_images(tmp_path: Path) -> None:
    catalogue = catalogued(tmp_path, b=B)
    rows = catalogue.read(["segment", "row"]).slice(0, 0)
    assert read_pixels(catalogue, catalogue.version(), rows, GREY).shape == (0, 1, 8, 8)


def test_rows_that_the_version_does_not_hold_are_never_left_blank(tmp_path: Path) -> None:
    catalogue = catalogued(tmp_path, b=B)
    version = catalogue.version()
    catalogued(tmp_path, c=C)
    with pytest.raises(AssertionError, match="holds each row once"):
        read_pixels(catalogue, version, catalogue.read(["segment", "row"]), GREY)
