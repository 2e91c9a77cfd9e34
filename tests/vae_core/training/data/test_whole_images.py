"""Whole images to measure by."""

import numpy as np
import torch

from tests.vae_core.synthetic_images import boxes
from tests.vae_core.training.data.mapped_images import SHAPE, mapped
from vae_core.training.data.whole_images import WholeImages


def test_whole_images_are_read_where_they_lie(tmp_path):
    images = boxes(700)
    parts = list(WholeImages.given("test", mapped(tmp_path, images), SHAPE, "cpu").read(600))
    rows = np.linspace(0, 699, 600).astype(np.int64)
    assert [len(part) for part in parts] == [512, 88]
    np.testing.assert_array_equal(torch.cat(parts).numpy(), np.float32(images[rows]) / np.float32(255))
