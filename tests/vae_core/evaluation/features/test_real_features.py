"""Kept features of a set come back with their names, or not at all."""

from pathlib import Path

import numpy as np
import pytest

from vae_core.errors import ArtifactError
from vae_core.evaluation.features.extractor import EfficientNetLite0
from vae_core.evaluation.features.real_features import RealFeatures, extract_real_features, features_key
from vae_core.images.preprocessing import pixel_digest


def test_cached_features_come_back_with_their_names(weights: Path, images: np.ndarray) -> None:
    extractor = EfficientNetLite0.load(weights)
    heard: list[int] = []
    cached = extract_real_features(images, extractor, heard.append)
    restored = RealFeatures.from_bytes(cached.to_bytes())
    np.testing.assert_array_equal(restored.features, extractor.extract(images))
    assert restored.features.flags.writeable
    assert (restored.feature_space, restored.extractor_digest) == ("efflite0", extractor.digest)
    assert restored.key == features_key(extractor.digest, pixel_digest(images))
    assert heard == [40]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "no header"])
def test_a_damaged_cache_is_refused(damage: str) -> None:
    content = RealFeatures(np.ones((3, 2), np.float32), "pixels", "a" * 64, "b" * 64).to_bytes()
    damaged = {
        "truncated": content[:-1],
        "flipped": content[:-1] + bytes([content[-1] ^ 1]),
        "empty": b"",
        "no header": content.replace(b"extractor_digest", b"extractor_dogest"),
    }[damage]
    with pytest.raises(ArtifactError, match="extract them again"):
        RealFeatures.from_bytes(damaged)
