"""Features of samples: of the draws as they are saved, whatever else is drawn beside them."""

import numpy as np
import torch

from tests.vae_core.linear_vae import LinearVae, PixelFeatures
from vae_core.evaluation.images.sample_features import extract_samples
from vae_core.evaluation.images.sample_sources import SampleSource


def test_they_are_those_of_the_decoded_draws_rounded_to_bytes_and_told_chunk_by_chunk() -> None:
    heard: list[int] = []
    source = SampleSource("standard", 3, None)
    found = extract_samples(LinearVae(), source, 600, PixelFeatures(), seed=7, device="cpu", on_progress=heard.append)
    z = torch.randn((600, 3), generator=torch.Generator().manual_seed(7))
    # the decoder undoes the gain of 4, its mean lies on [0.01, 0.99]; the third dimension is inactive
    means = np.full((600, 16), 0.5)
    means[:, :2] = (0.5 + z[:, :2].numpy() / 4).clip(0.01, 0.99)
    assert found.dtype == np.float32 and heard == [512, 600]
    np.testing.assert_allclose(found, np.rint(means * 255) / 255, atol=1.01 / 255)
    np.testing.assert_allclose(found * 255, np.rint(found * 255), atol=1e-4)
