"""The pinned feature space: what moves a feature, what does not, and what is no image for it."""

import sys
from pathlib import Path

import numpy as np
import pytest

from vae_core.errors import DataError
from vae_core.evaluation.features.extractor import EfficientNetLite0


def test_loading_says_nothing_and_needs_no_torchvision(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    EfficientNetLite0.load(weights)
    assert capsys.readouterr() == ("", "")
    assert "torchvision" not in sys.modules


def test_features_do_not_depend_on_their_neighbours(weights: Path, images: np.ndarray) -> None:
    extractor = EfficientNetLite0.load(weights)
    together = extractor.extract(images)
    assert together.shape == (40, extractor.dim)
    assert together.dtype == np.float32
    np.testing.assert_allclose(extractor.extract(images[35:37]), together[35:37], atol=1e-3)


def test_grey_is_colour_with_three_equal_channels(weights: Path, images: np.ndarray) -> None:
    extractor = EfficientNetLite0.load(weights)
    colour = np.repeat(images[:4], 3, axis=1)
    np.testing.assert_array_equal(extractor.extract(colour), extractor.extract(images[:4]))


def test_stripes_too_fine_for_the_network_become_grey(weights: Path) -> None:
    # 256 px to 64: without antialiasing only the columns 1 and 2 of each four would be read, which are white
    stripes = np.tile(np.array([0, 255, 255, 0], np.uint8), (256, 64))[None, None]
    grey, white = np.full_like(stripes, 128), np.full_like(stripes, 255)
    seen, expected, aliased = EfficientNetLite0.load(weights).extract(np.concatenate([stripes, grey, white]))
    assert np.linalg.norm(seen - expected) < 0.2 * np.linalg.norm(seen - aliased)


def test_more_noise_is_further_away(weights: Path, images: np.ndarray) -> None:
    extractor = EfficientNetLite0.load(weights)
    noise = np.random.default_rng(1).normal(size=images.shape)
    clean = extractor.extract(images)
    distances = [
        float(np.square(extractor.extract(noisy) - clean).sum(1).mean())
        for noisy in ((images + sd * noise).clip(0, 255).astype(np.uint8) for sd in (2, 10, 50))
    ]
    assert distances == sorted(distances)
    assert distances[0] > 0


def test_bf16_is_the_same_space_but_for_rounding_and_never_mistaken_for_it(weights: Path, images: np.ndarray) -> None:
    full, half = (EfficientNetLite0.load(weights, precision) for precision in ("fp32", "bf16"))
    assert full.digest != half.digest
    a, b = full.extract(images), half.extract(images)
    # bf16 keeps 8 bits, 0.4 %; its roundings over 13 blocks add up like a random walk to about 2 %
    assert float(np.linalg.norm(a - b) / np.linalg.norm(a)) < 0.05
    assert not np.array_equal(a, b)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((2, 1, 28, 28), np.float32), np.zeros((28, 28), np.uint8), np.zeros((1, 2, 8, 8), np.uint8)],
)
def test_anything_but_grey_or_colour_bytes_is_refused(weights: Path, pixels: np.ndarray) -> None:
    with pytest.raises(DataError, match="expected uint8 images of shape"):
        EfficientNetLite0.load(weights).extract(pixels)
