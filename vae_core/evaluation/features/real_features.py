"""Features of a fixed set of real images, extracted once and kept as safetensors beside the benchmark."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from vae_core.errors import ArtifactError
from vae_core.evaluation.features.extractor import FeatureExtractor
from vae_core.images.preprocessing import pixel_digest

CHUNK = 512
"""Images between two calls of a progress callback: half a second to a second."""


class RealFeaturesHeader(BaseModel):
    """What the safetensors header says of the features; its values are strings, as the format wants them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal["1"] = "1"
    feature_space: str
    extractor_digest: str
    data_digest: str
    features_sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class RealFeatures:
    """Features (N, D) float32 of one set of images in one feature space; both are named by their digests."""

    features: np.ndarray
    feature_space: str
    extractor_digest: str
    data_digest: str

    @property
    def key(self) -> str:
        """A file name for a cache: another set or another feature space has another one."""
        return features_key(self.extractor_digest, self.data_digest)

    def to_bytes(self) -> bytes:
        """Write the features as a safetensors file, the digests in its header."""
        header = RealFeaturesHeader(
            feature_space=self.feature_space,
            extractor_digest=self.extractor_digest,
            data_digest=self.data_digest,
            features_sha256=_sha256(self.features),
        )
        content: bytes = save({"features": np.ascontiguousarray(self.features)}, metadata=header.model_dump())
        return content

    @classmethod
    def from_bytes(cls, content: bytes) -> RealFeatures:
        """Read what `to_bytes` wrote; ArtifactError when it is damaged or something else."""
        try:
            features = np.array(load(content)["features"])
            # the library gives no header for bytes; the format is 8 bytes of length, then JSON
            length = int.from_bytes(content[:8], "little")
            header = RealFeaturesHeader.model_validate(json.loads(content[8 : 8 + length])["__metadata__"])
        except (SafetensorError, KeyError, ValueError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            raise ArtifactError(f"real features: not a cache of features ({reason}); extract them again") from error
        if _sha256(features) != header.features_sha256:
            raise ArtifactError("real features: the bytes are not the ones that were written; extract them again")
        return cls(features, header.feature_space, header.extractor_digest, header.data_digest)


def features_key(extractor_digest: str, data_digest: str) -> str:
    """Give the cache key of a set's features, known before they are extracted."""
    return f"{extractor_digest[:16]}-{data_digest[:16]}"


def extract_real_features(
    pixels: np.ndarray, extractor: FeatureExtractor, on_progress: Callable[[int], None] | None = None
) -> RealFeatures:
    """Extract the features of pixels (N, C, H, W) uint8; `on_progress` hears the number of images done."""
    features = np.empty((len(pixels), extractor.dim), dtype=np.float32)
    for start in range(0, len(pixels), CHUNK):
        stop = min(start + CHUNK, len(pixels))
        features[start:stop] = extractor.extract(pixels[start:stop])
        if on_progress:
            on_progress(stop)
    return RealFeatures(features, extractor.name, extractor.digest, pixel_digest(pixels))


def _sha256(features: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(features).data).hexdigest()
