"""The features that distances between sets of images are measured in; the feature space is part of every name.

Fréchet and kernel distance, density and coverage take plain arrays of features (N, D), so any extractor serves them.
`efflite0` is EfficientNet-Lite0 with ImageNet weights (Tan & Le 2019; 1,280 features after global pooling):
free to ship, quick on one core, and monotone in blur, noise and missing classes. It is no Inception: its
values are compared only with values of the same `digest`.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.evaluation.features.efflite0_network import FP32_BLOCKS, INPUT_SIZE, EffLite0Trunk
from vae_core.evaluation.features.feature_weights import EFFLITE0_WEIGHTS_DIGEST, load_efflite0_weights
from vae_core.images.describe_images import describe_images
from vae_core.images.preprocessing import to_unit

Precision = Literal["fp32", "bf16"]

BATCH_SIZE = 32
"""The activations of more images leave a core's cache: 128 images cost 1.5 times as much an image."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)


class FeatureExtractor(Protocol):
    """What a distance between sets of images needs: pixels in, features out, and an identity.

    `digest` covers everything that moves a feature: weights, resize, normalisation and precision.
    """

    @property
    def name(self) -> str:
        """The feature space's short name, as it appears in `fd_NAME`."""
        ...

    @property
    def dim(self) -> int:
        """D, the width of a feature."""
        ...

    @property
    def digest(self) -> str:
        """The sha256 of the feature space."""
        ...

    def extract(self, pixels: np.ndarray) -> np.ndarray:
        """Features (N, D) float32 of pixels (N, C, H, W) uint8."""
        ...


class EfficientNetLite0:
    """EfficientNet-Lite0 without its classifier: 1,280 features of an image of any size, grey or colour.

    Images go to 64 x 64 with a bilinear antialiased filter (no overshoot beyond [0, 1]), grey is repeated to
    three channels, ImageNet mean and deviation are taken out.
    """

    name = "efflite0"
    dim = 1280

    def __init__(self, weights: Mapping[str, torch.Tensor], precision: Precision, device: str = "cpu") -> None:
        self.precision = precision
        self.digest = _digest_of_feature_space(precision)
        self._device = torch.device(device)
        trunk: Any = EffLite0Trunk(weights)  # torch types no `to` with a device and a memory format
        self._trunk: EffLite0Trunk = trunk.to(self._device, memory_format=torch.channels_last)
        self._mean = torch.tensor(IMAGENET_MEAN, device=self._device).view(1, 3, 1, 1)
        self._sd = torch.tensor(IMAGENET_SD, device=self._device).view(1, 3, 1, 1)

    @classmethod
    def load(cls, path: Path, precision: Precision = "fp32", device: str = "cpu") -> Self:
        """Load the weights that the set-up converted; nothing is unpickled.

        `path` is the safetensors file; its header lies beside it with the suffix .json. ArtifactError when a
        file is missing or holds anything but the known weights.
        """
        return cls(load_efflite0_weights(path), precision, device)

    def extract(self, pixels: np.ndarray) -> np.ndarray:
        """Features (N, 1280) float32 of pixels (N, 1 or 3, H, W) uint8; DataError for anything else."""
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1] not in (1, 3):
            raise DataError(
                "features: expected uint8 images of shape (N, 1 or 3, H, W), "
                f"came {describe_images(pixels)}; quantise to 0..255 first"
            )
        features = np.empty((len(pixels), self.dim), dtype=np.float32)
        for start in range(0, len(pixels), BATCH_SIZE):
            features[start : start + BATCH_SIZE] = self._extract_batch(pixels[start : start + BATCH_SIZE])
        return features

    @torch.inference_mode()
    def _extract_batch(self, pixels: np.ndarray) -> np.ndarray:
        images = torch.nn.functional.interpolate(
            to_unit(pixels).to(self._device),
            size=(INPUT_SIZE, INPUT_SIZE),
            mode="bilinear",
            antialias=True,
            align_corners=False,
        )
        normalised = (images.expand(-1, 3, -1, -1) - self._mean) / self._sd
        batch = normalised.contiguous(memory_format=torch.channels_last)
        features: np.ndarray = self._trunk(batch, bf16=self.precision == "bf16").cpu().numpy()
        return features


def feature_rows(
    features: np.ndarray, where: str, device: str | torch.device = "cpu", at_least: int = 1
) -> torch.Tensor:
    """Features (N, D) of any extractor as a tensor: float32 stays float32, anything else becomes float64.

    DataError when they are not finite, not of that shape, or fewer than `at_least`; `where` begins its message.
    """
    dtype = np.float32 if features.dtype == np.float32 else np.float64
    # a copy, since torch cannot hold a view of a read-only array
    rows = torch.from_numpy(np.array(features, dtype=dtype)).to(device)
    broken = int((~torch.isfinite(rows)).sum())
    if rows.ndim != 2 or len(rows) < at_least or not rows.shape[1] or broken:
        raise DataError(
            f"{where}: expected at least {at_least} finite features of shape (N, D), came {tuple(rows.shape)} with "
            f"{broken} values of NaN or infinity; look at the images and at what the extractor was given"
        )
    return rows


def _digest_of_feature_space(precision: Precision) -> str:
    space = {
        "name": EfficientNetLite0.name,
        "weights": EFFLITE0_WEIGHTS_DIGEST,
        "resize": f"{INPUT_SIZE} px bilinear antialias",
        "normalise": [IMAGENET_MEAN, IMAGENET_SD],
        "pool": "mean",
        "precision": precision if precision == "fp32" else f"bf16 behind block {FP32_BLOCKS}",
    }
    return hashlib.sha256(json.dumps(space, sort_keys=True).encode()).hexdigest()
