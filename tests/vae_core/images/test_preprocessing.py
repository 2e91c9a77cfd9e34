"""From a picture to the pixels that a model sees, and the digest that names the way."""

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from pydantic import ValidationError

from vae_core.documents import to_canonical_json
from vae_core.errors import DataError
from vae_core.images.preprocessing import Preprocessing, pixel_digest, to_pixels, to_unit

FITS = st.sampled_from(["refuse", "pad", "crop", "stretch"])
SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)
PIXELS = hnp.arrays(np.uint8, SHAPES)


def test_a_grey_picture_becomes_its_own_bytes():
    pixels = np.arange(28 * 28, dtype=np.uint16).reshape(28, 28).astype(np.uint8)
    assert np.array_equal(to_pixels(Image.fromarray(pixels), Preprocessing()), pixels[None])


def test_a_colour_picture_becomes_planes_in_the_order_red_green_blue():
    picture = Image.new("RGB", (6, 4), (10, 20, 30))
    pixels = to_pixels(picture, Preprocessing(channels=3, height=4, width=6))
    assert pixels.shape == (3, 4, 6) and pixels.dtype == np.uint8
    assert [int(plane[0, 0]) for plane in pixels] == [10, 20, 30]


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_other_modes_are_refused_by_name(mode):
    with pytest.raises(DataError, match=f"expected a picture of mode L, came {mode}"):
        to_pixels(Image.new(mode, (28, 28)), Preprocessing())


def test_another_size_is_refused_with_both_sizes():
    with pytest.raises(DataError, match="expected 28x28 pixels, came 29x28"):
        to_pixels(Image.new("L", (29, 28)), Preprocessing())


@given(PIXELS)
def test_an_image_is_known_by_its_shape_and_its_bytes(pixels):
    expected = hashlib.sha256("x".join(map(str, pixels.shape)).encode() + b":" + pixels.tobytes()).hexdigest()
    assert pixel_digest(pixels) == expected
    assert pixel_digest(np.asfortranarray(pixels)) == expected  # memory layout is no part of an image


def test_the_same_bytes_in_another_shape_are_another_image():
    pixels = np.zeros((1, 4, 9), np.uint8)
    assert pixel_digest(pixels) != pixel_digest(pixels.reshape(1, 6, 6))


@given(PIXELS)
def test_unit_scale_is_a_255th_and_can_be_undone(pixels):
    pixels.flags.writeable = False  # as images from a file are; PyTorch warns about these
    unit = to_unit(pixels[None])
    assert unit.dtype == torch.float32 and unit.shape == (1, *pixels.shape)
    np.testing.assert_allclose(unit.numpy()[0], pixels / 255.0, rtol=2**-23)
    assert np.array_equal(np.rint(unit.numpy()[0] * 255), pixels)


@pytest.mark.parametrize("function", [to_unit, pixel_digest])
def test_floats_are_refused_where_pixels_belong(function):
    with pytest.raises(DataError, match="expected uint8 pixels.*float64"):
        function(np.zeros((1, 1, 28, 28)))


@given(st.sampled_from([1, 3]), st.integers(4, 64), st.integers(4, 64), FITS)
def test_equal_preprocessings_and_no_others_share_a_digest(channels, height, width, fit):
    one = Preprocessing(channels=channels, height=height, width=width, fit=fit)
    assert one.digest == one.model_copy().digest and one.shape == (channels, height, width)
    assert (one.digest == Preprocessing().digest) == (one == Preprocessing())


def test_the_default_digest_does_not_change_by_itself():
    text = (
        '{"background":"#ffffff","channels":1,"fit":"refuse","height":28,"padding":"#ffffff","schema_version":2,'
        '"sixteen_bit":"linear","width":28}\n'
    )
    assert Preprocessing().digest == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(("resize", "fit"), [("refuse", "refuse"), ("antialias", "stretch")])
def test_a_document_of_the_first_schema_keeps_its_json_its_digest_and_its_meaning(resize, fit):
    text = f'{{"channels":3,"height":32,"resize":"{resize}","schema_version":1,"width":40}}\n'
    read = Preprocessing.model_validate_json(text)
    assert (read.shape, read.fit, read.converts) == ((3, 32, 40), fit, False)
    assert to_canonical_json(read) == text.encode()
    assert read.digest == hashlib.sha256(text.encode()).hexdigest()
    assert Preprocessing.model_validate(read.model_dump()) == read


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"resize": "antialias"}, 'resize is called fit now: write fit = "stretch" in its place'),
        ({"resize": "refuse"}, 'write fit = "refuse" in its place'),
        ({"schema_version": 1, "fit": "pad"}, "schema_version 1 knows resize only, came fit"),
        ({"schema_version": 1, "resize": "crop"}, 'expected "refuse" or "antialias", came \'crop\''),
        ({"padding": "white"}, "pattern"),
    ],
)
def test_words_that_do_not_belong_together_are_refused(words, problem):
    with pytest.raises(ValidationError, match=problem):
        Preprocessing.model_validate(words)


def first(resize):
    return Preprocessing.model_validate({"schema_version": 1, "resize": resize})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (first("refuse"), Preprocessing(), True),
        (first("antialias"), Preprocessing(fit="stretch"), True),
        (first("refuse"), Preprocessing(fit="stretch"), False),
        (first("antialias"), Preprocessing(fit="pad"), False),
        (Preprocessing(), Preprocessing(height=32), False),
        (Preprocessing(), Preprocessing(channels=3), False),
        (Preprocessing(), Preprocessing(padding="#000000"), True),
        (Preprocessing(fit="pad"), Preprocessing(fit="pad", padding="#000000"), False),
        (Preprocessing(fit="pad", padding="#ABCDEF"), Preprocessing(fit="pad", padding="#abcdef"), True),
        (Preprocessing(), Preprocessing(background="#000000"), False),
        (Preprocessing(), Preprocessing(sixteen_bit="range"), False),
    ],
)
def test_what_one_froze_another_can_use_where_both_make_the_same_pixels(one, other, same):
    assert one.same_images(other) is same and other.same_images(one) is same


def test_what_was_kept_under_the_first_schema_is_known_by_its_digest():
    assert Preprocessing().same_images_digests == {Preprocessing().digest, first("refuse").digest}
    assert first("antialias").same_images_digests == {first("antialias").digest, Preprocessing(fit="stretch").digest}
    assert Preprocessing(fit="pad").same_images_digests == {Preprocessing(fit="pad").digest}
    own = Preprocessing(background="#000000")
    assert own.same_images_digests == {own.digest, first("refuse").digest}


def test_unknown_words_are_refused():
    with pytest.raises(ValidationError, match="standardise"):
        Preprocessing(standardise=True)
