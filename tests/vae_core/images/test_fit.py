"""Pictures of any size in the size that a model sees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vae_core.images.fit import centre_box, fit_picture, place_within
from vae_core.images.preprocessing import Preprocessing, to_pixels


def test_resizing_averages_what_it_drops_instead_of_skipping_it():
    stripes = np.zeros((112, 112), np.uint8)
    stripes[::2] = 255  # nearest neighbour would see one colour only
    pixels = to_pixels(Image.fromarray(stripes), Preprocessing(fit="stretch"))
    assert pixels.shape == (1, 28, 28)
    assert abs(float(pixels.mean()) - 127.5) < 1 and pixels.std() < 10


SIDES = st.integers(1, 400)
SIZES = st.tuples(SIDES, SIDES)


@given(SIZES, SIZES)
def test_a_padded_picture_touches_two_opposite_edges_and_lies_in_the_middle(came, size):
    left, top, right, bottom = place_within(came, size)
    width, height = right - left, bottom - top
    assert left >= 0 and top >= 0 and right <= size[0] and bottom <= size[1]
    assert width == size[0] or height == size[1]
    assert abs(left - (size[0] - right)) <= 1 and abs(top - (size[1] - bottom)) <= 1
    # proportions stay but for a rounded pixel, and for the one pixel that is left of the thinnest
    scale = min(size[0] / came[0], size[1] / came[1])
    assert abs(width - max(1, came[0] * scale)) <= 0.5 + 1e-6 and abs(height - max(1, came[1] * scale)) <= 0.5 + 1e-6


@given(SIZES, SIZES)
def test_what_is_cropped_has_the_proportions_of_the_size_and_leaves_as_much_on_both_sides(came, size):
    left, top, right, bottom = centre_box(came, size)
    assert 0 <= left < right <= came[0] and 0 <= top < bottom <= came[1]
    assert left == pytest.approx(came[0] - right) and top == pytest.approx(came[1] - bottom)
    assert left < 1e-6 or top < 1e-6, "it is the largest such box"
    assert (right - left) * size[1] == pytest.approx((bottom - top) * size[0], rel=1e-6)


def halves(left: int, right: int) -> Image.Image:
    """40 x 20 pixels in two greys."""
    pixels = np.full((20, 40), left, np.uint8)
    pixels[:, 20:] = right
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    ("fit", "corners"),
    [
        ("pad", (255, 255, 255, 255)),  # a band above and below
        ("crop", (0, 200, 0, 200)),
        ("stretch", (0, 200, 0, 200)),
    ],
)
def test_every_fit_answers_with_the_size_and_only_padding_adds_a_colour(fit, corners):
    found = np.asarray(fit_picture(halves(0, 200), (20, 20), fit, "#ffffff"))
    assert found.shape == (20, 20)
    assert (found[0, 0], found[0, -1], found[-1, 0], found[-1, -1]) == corners
    assert found[10, 0] == 0 and found[10, -1] == 200


def test_cropping_drops_the_sides_that_stretching_keeps():
    pixels = np.full((20, 40), 100, np.uint8)
    pixels[:, :8] = 0  # a fifth of the width, outside of the square in the middle
    cropped, stretched = (
        np.asarray(fit_picture(Image.fromarray(pixels), (20, 20), fit, "#ffffff")) for fit in ("crop", "stretch")
    )
    assert (cropped == 100).all()
    assert (stretched[:, 0] == 0).all() and (stretched[:, -1] == 100).all()
