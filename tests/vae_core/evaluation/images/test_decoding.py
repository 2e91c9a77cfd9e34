"""Decoder means as 8-bit images."""

import numpy as np
import torch

from tests.vae_core.linear_vae import LinearVae
from vae_core.evaluation.images.decoding import decode_pixels, quantize


def test_quantizing_rounds_to_the_nearest_byte_and_stays_inside() -> None:
    means = torch.tensor([-0.1, 0.0, 0.5, 254.6 / 255, 1.2])
    np.testing.assert_array_equal(quantize(means), np.array([0, 0, 128, 255, 255], np.uint8))


def test_decoding_in_batches_is_decoding_at_once() -> None:
    z = torch.randn((1100, 3), generator=torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(decode_pixels(LinearVae(), z), quantize(LinearVae().decode(z)))
