"""Every kind of damage is refused by the gate that all images pass, for the reason that belongs to it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from data_checks.input_validation import judge_image_bytes
from data_checks.policy import InputPolicy
from data_checks.refusal import Refusal
from latentloop.demo.damage import DAMAGES, encode_png
from tests.latentloop.products import product_images
from vae_core.images.preprocessing import Preprocessing

POLICY = InputPolicy(min_variance=0.003)
REASONS = {
    "truncated": Refusal.truncated,
    "garbage": Refusal.not_an_image,
    "empty": Refusal.empty_file,
    "black": Refusal.low_variance,
    "wrong size": Refusal.wrong_shape,
    "animated": Refusal.wrong_mode,
    "half a JPEG": Refusal.truncated,
    "sixty megapixels": Refusal.too_many_pixels,
}


def test_the_list_of_damages_is_the_list_that_is_tested() -> None:
    assert DAMAGES.keys() == REASONS.keys()


@pytest.mark.parametrize("kind", REASONS)
def test_each_damage_is_refused_for_its_reason_whatever_the_image(kind: str) -> None:
    random = np.random.default_rng(3)

    judged = [judge_image_bytes(DAMAGES[kind](image, random), Preprocessing(), POLICY) for image in product_images(25)]

    assert {each.refusal for each in judged} == {REASONS[kind]}
    assert all(each.detail and "\n" not in each.detail for each in judged)


@pytest.mark.parametrize("kind", DAMAGES)
def test_the_same_seed_makes_the_same_damage(kind: str) -> None:
    (image,) = product_images(1)

    assert DAMAGES[kind](image, np.random.default_rng(5)) == DAMAGES[kind](image, np.random.default_rng(5))


@pytest.mark.parametrize("kind", DAMAGES)
def test_the_intact_image_is_left_as_it_is(kind: str) -> None:
    (image,) = product_images(1)
    before = image.copy()

    DAMAGES[kind](image, np.random.default_rng(5))

    assert np.array_equal(image, before)


def test_an_intact_image_passes_the_gate_pixel_by_pixel() -> None:
    (image,) = product_images(1)

    judged = judge_image_bytes(encode_png(image), Preprocessing(), POLICY)

    assert judged.accepted
    assert judged.pixels is not None
    assert np.array_equal(judged.pixels[0], image)


def test_half_a_jpeg_is_one_that_a_lenient_decoder_opens() -> None:
    (image,) = product_images(1)

    with Image.open(io.BytesIO(DAMAGES["half a JPEG"](image, np.random.default_rng(0)))) as picture:
        assert np.asarray(picture).shape == image.shape
