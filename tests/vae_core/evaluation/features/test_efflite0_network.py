"""The folded network is the package's own."""

from pathlib import Path

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet

from vae_core.evaluation.features.extractor import IMAGENET_MEAN, IMAGENET_SD, EfficientNetLite0
from vae_core.evaluation.features.feature_weights import load_efflite0_weights


def test_features_are_those_of_the_packages_own_network(weights: Path, images: np.ndarray) -> None:
    network = EfficientNet.from_name("efficientnet-lite0", image_size=64)
    network._fc = torch.nn.Identity()
    network.load_state_dict(load_efflite0_weights(weights))
    mean, sd = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_SD))
    unit = torch.from_numpy(images[:8] / np.float32(255)).expand(-1, 3, -1, -1)
    upscaled = torch.nn.functional.interpolate(unit, size=(64, 64), mode="bilinear", antialias=True)
    with torch.inference_mode():
        oracle = network.eval()((upscaled - mean) / sd).numpy()
    features = EfficientNetLite0.load(weights).extract(images[:8])
    # folding the normalisations reorders float32 sums over up to 1,152 channels in 50 layers
    np.testing.assert_allclose(features, oracle, atol=2e-3)
