"""Pictures of a card as PNG: each pixel where it was, and curves that are drawn for every family."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tasks.card.drawing import draw_code_shares, draw_curves, draw_histogram, draw_picture

STEPS = {"step": [20.0, 40.0, 60.0]}
VAE = {**STEPS, "neg_elbo": [300.0, 250.0, 240.0], "kl": [1.0, 9.0, 12.0], "beta": [0.1, 0.5, 1.0]}
VQ_VAE = {**STEPS, "squared_error": [30.0, 20.0, 10.0], "codes_used": [5.0, 9.0, 12.0], "perplexity": [3.0, 5.0, 7.0]}


def _pixels(picture: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(picture))
    assert image.format == "PNG"
    return np.asarray(image)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)], ids=["grey", "rgb"])
@pytest.mark.parametrize("zoom", [1, 3])
def test_a_picture_is_each_of_its_pixels_so_many_times_as_large(shape: tuple[int, ...], zoom: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    drawn = _pixels(draw_picture(pixels, zoom))
    np.testing.assert_array_equal(drawn, pixels.repeat(zoom, axis=0).repeat(zoom, axis=1))


def test_a_view_that_is_not_contiguous_is_drawn_as_it_is_seen() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 6)
    np.testing.assert_array_equal(_pixels(draw_picture(pixels.T[:, ::-1], 1)), pixels.T[:, ::-1])


def _has_a_dark_line_on_the_right(picture: bytes) -> bool:
    """Of the ink that curves are drawn with: dark as text is, and bluish, as text is not."""
    pixels = _pixels(picture).astype(int)
    red, blue = pixels[:, pixels.shape[1] // 2 :, 0], pixels[:, pixels.shape[1] // 2 :, 2]
    return bool(((blue - red > 10) & (red < 100)).any())


@pytest.mark.parametrize("curve", [VAE, VQ_VAE], ids=["vae", "vq"])
def test_the_loss_has_the_use_of_the_code_beside_it(curve: dict[str, list[float]]) -> None:
    picture = draw_curves(curve, "training, 60 steps")
    assert _has_a_dark_line_on_the_right(picture), "that of KL or of codes used"
    alone = {name: values for name, values in curve.items() if name in ("step", "neg_elbo", "squared_error")}
    assert not _has_a_dark_line_on_the_right(draw_curves(alone, "training, 60 steps"))


def test_codes_and_errors_are_drawn_where_all_are_alike_too() -> None:
    codes = np.zeros((4, 2, 2), np.int32)
    assert _pixels(draw_code_shares(codes, 16)).shape[1] == 550
    assert _pixels(draw_histogram(np.full(30, 0.01), 0.01, "recon_error", "MSE")).shape[1] == 550
