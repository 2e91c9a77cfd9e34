"""The sample in a proposed form: what a model would see, what was done to it, and which pictures are twins."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from latentloop.init.looking.converted import Converted, Twins, convert, count_twins
from latentloop.init.looking.sample import Files, take_sample
from latentloop.init.looking.survey import survey
from latentloop.sources.folder import FolderSource
from tests.latentloop.products import product_images
from vae_core.images.preprocessing import Preprocessing


def converted(folder: Path, form: Preprocessing) -> Converted:
    source = FolderSource(folder)
    surveyed, files = survey(source, 100), Files(source)
    return convert(surveyed, take_sample(surveyed, files, print).looks, files, form)


def test_the_rows_are_the_pictures_in_the_form_with_what_the_gate_measures_on_them(tmp_path: Path) -> None:
    half = np.zeros((16, 16), np.uint8)
    half[:, 8:] = 255
    Image.fromarray(half).save(tmp_path / "half.png")
    Image.new("L", (16, 16), 128).save(tmp_path / "flat.png")

    found = converted(tmp_path, Preprocessing(channels=1, height=16, width=16))

    assert found.pixels.shape == (2, 1, 16, 16)
    rows = {look.path: row for row, look in enumerate(found.looks)}
    assert np.array_equal(found.pixels[rows["half.png"], 0], half)
    # half of the pixels 0 and half of them 1: variance 1 / 4, one bit
    assert found.variance[rows["half.png"]] == 0.25 and found.entropy_bits[rows["half.png"]] == 1.0
    assert found.variance[rows["flat.png"]] == found.entropy_bits[rows["flat.png"]] == 0.0
    assert found.refused == ()


def test_pictures_of_several_sizes_were_made_smaller_in_one_and_the_same_way(tmp_path: Path) -> None:
    for side in (40, 50, 60):
        Image.effect_noise((side, side), 60).save(tmp_path / f"{side}.png")

    found = converted(tmp_path, Preprocessing(channels=1, height=16, width=16, fit="pad"))

    (done,) = set(found.conversions)
    assert done and not any(str(side) in word for word in done for side in (40, 50, 60)), "sizes would tell them apart"


def test_what_the_form_refuses_has_the_reason_of_the_gate(tmp_path: Path) -> None:
    Image.effect_noise((16, 16), 60).save(tmp_path / "16.png")
    Image.effect_noise((17, 16), 60).save(tmp_path / "17.png")

    found = converted(tmp_path, Preprocessing(channels=1, height=16, width=16, fit="refuse"))

    assert [look.path for look in found.looks] == ["16.png"]
    assert [(each.path, each.reason) for each in found.refused] == [("17.png", "wrong_shape")]


def test_a_place_of_which_nothing_is_left_is_empty_columns_of_the_form(tmp_path: Path) -> None:
    Image.effect_noise((17, 16), 60).save(tmp_path / "17.png")

    found = converted(tmp_path, Preprocessing(channels=1, height=16, width=16, fit="refuse"))

    assert (found.pixels.shape, found.variance.shape, found.entropy_bits.shape) == ((0, 1, 16, 16), (0,), (0,))
    assert count_twins(found.pixels) == Twins(0, 0)


def as_jpeg(picture: np.ndarray) -> np.ndarray:
    """The same picture, encoded once more."""
    encoded = io.BytesIO()
    Image.fromarray(picture).save(encoded, "JPEG", quality=90)
    return np.asarray(Image.open(encoded))


def test_copies_and_pictures_that_look_alike_are_counted_beyond_the_first() -> None:
    pictures = product_images(40)

    def twins(*more: np.ndarray) -> Twins:
        return count_twins(np.stack([*pictures, *more])[:, None])

    first, again = pictures[0], as_jpeg(pictures[0])
    assert twins() == Twins(exact=0, near=0)
    assert twins(first, first) == Twins(exact=2, near=0)
    assert twins(again) == Twins(exact=0, near=1)
    assert twins(again, first) == Twins(exact=1, near=1)
