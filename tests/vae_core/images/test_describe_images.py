"""The line that says what came in place of images."""

import numpy as np
import pytest
import torch

from vae_core.config import Budget, TrainConfig
from vae_core.errors import DataError
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.images.describe_images import describe_images
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train


def unit_images(n: int) -> np.ndarray:
    return np.linspace(0, 1, n * 784, dtype=np.float32).reshape(n, 1, 28, 28)


def test_floats_are_described_by_their_range() -> None:
    assert describe_images(unit_images(3)) == "float32 (3, 1, 28, 28) from 0 to 1"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_image_that_is_not_finite_is_named(value: float) -> None:
    images = unit_images(5)
    images[[2, 4], 0, 3, 3] = value
    assert describe_images(images) == ("float32 (5, 1, 28, 28) with NaN or infinity in 2 of them, first in image 2")


@pytest.mark.parametrize("images", [np.zeros((2, 4), np.uint8), np.zeros((0, 1, 4, 4), np.float32), np.array(1.5)])
def test_whatever_else_comes_is_described_by_kind_and_shape(images: np.ndarray) -> None:
    assert describe_images(images) == f"{images.dtype} {images.shape}"


@pytest.mark.parametrize(("images", "came"), [([[0]], "list"), (None, "NoneType"), (torch.zeros(2, 1, 4, 4), "Tensor")])
def test_what_is_no_array_is_described_by_its_type(images: object, came: str) -> None:
    assert describe_images(images) == f"a {came}, which is no numpy array"


def test_training_says_which_image_holds_nan() -> None:
    images = unit_images(4)
    images[1, 0, 0, 0] = np.nan
    recipe = TrainConfig(budget=Budget(amount=1, unit="steps"))
    with pytest.raises(DataError, match=r"train: expected at least one uint8 .* first in image 1; let preprocessing"):
        train(TrainingData(images), ConvVaeConfig(), recipe, Execution(lambda: 0.0))
