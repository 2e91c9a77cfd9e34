"""The converted weights, once for all tests of the feature network, and pictures that it can tell apart."""

from pathlib import Path

import numpy as np
import pytest

from vae_core.evaluation.features.convert_features import convert_efflite0


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert_efflite0(tmp_path_factory.mktemp("features") / "efflite0.safetensors")


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    """Soft blobs, (40, 1, 28, 28) uint8: something that a network trained on photographs can tell apart."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:28, 0:28]
    centres, widths = rng.uniform(6, 22, size=(40, 2)), rng.uniform(2, 8, size=40)
    squares = (rows - centres[:, :1, None]) ** 2 + (columns - centres[:, 1:, None]) ** 2
    return (255 * np.exp(-squares / (2 * widths[:, None, None] ** 2))).astype(np.uint8)[:, None]
