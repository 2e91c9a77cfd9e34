"""A picture with transparency shows the background that was stated."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.intake_kinds import drawing
from benchmarks.png_writer import write_png
from data_checks.intake.alpha import add_key, flatten
from tests.data_checks.intake.judging import judge
from vae_core.images.preprocessing import Preprocessing


def test_transparency_shows_the_stated_background_and_padding_the_stated_colour() -> None:
    clear = write_png(np.dstack([drawing(), np.zeros((48, 64), np.uint8)]))
    box = Preprocessing(channels=3, height=64, width=64, fit="pad", background="#102030", padding="#ff0000")
    pixels = judge(clear, box)
    assert (pixels[32] == (16, 32, 48)).all() and (pixels[2] == (255, 0, 0)).all()


def test_colour_counts_by_its_alpha_and_the_background_by_the_rest() -> None:
    levels = np.arange(256, dtype=np.uint8)
    colour, alpha = (grid.astype(np.uint8) for grid in np.meshgrid(levels, levels))
    flat, done = flatten(Image.fromarray(np.dstack([colour, alpha]), "LA"), "#646464")
    expected = (colour.astype(float) * alpha + 100.0 * (255 - alpha.astype(float))) / 255
    assert done == ("transparency over #646464",)
    assert np.abs(np.asarray(flat).astype(float) - expected).max() <= 0.5 + 1e-9


def test_grey_over_a_coloured_ground_becomes_a_picture_in_colours() -> None:
    clear = Image.fromarray(np.zeros((2, 2, 2), np.uint8), "LA")
    assert flatten(clear, "#808080")[0].mode == "L"
    coloured, _ = flatten(clear, "#ff8000")
    assert coloured.mode == "RGB" and coloured.getpixel((0, 0)) == (255, 128, 0)


def test_an_alpha_channel_that_hides_nothing_is_left_out_and_no_alpha_changes_nothing() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    opaque = Image.fromarray(np.dstack([pixels, np.full((4, 4), 255, np.uint8)]), "RGBA")
    plain, done = flatten(opaque, "#000000")
    assert done == ("opaque alpha left out",)
    np.testing.assert_array_equal(np.asarray(plain), pixels)
    same = Image.fromarray(pixels)
    assert flatten(same, "#000000") == (same, ())


@pytest.mark.parametrize(
    ("pixels", "key", "bits", "alpha"),
    [
        ([[0, 85], [170, 255]], (1,), 2, [[255, 0], [255, 255]]),
        ([[7, 8], [8, 9]], (8,), 8, [[255, 0], [0, 255]]),
        ([[[1, 2, 3], [1, 2, 4]]], (1, 2, 3), 8, [[0, 255]]),
    ],
    ids=["grey of two bits", "grey", "a colour"],
)
def test_the_one_colour_that_stands_for_transparent_is_so_and_no_other(
    pixels: list, key: tuple[int, ...], bits: int, alpha: list[list[int]]
) -> None:
    keyed = add_key(Image.fromarray(np.array(pixels, np.uint8)), key, bits)
    assert np.asarray(keyed.getchannel("A")).tolist() == alpha
    assert np.asarray(keyed)[..., :-1].squeeze().tolist() == np.array(pixels).squeeze().tolist()
