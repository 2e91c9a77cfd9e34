"""Where the images of a version's reference lie in the feature network's space: kept beside the version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.wiring import World
from tasks.run.progress import tell_step
from tasks.scoring.measure import cached_features

if TYPE_CHECKING:
    import numpy as np

    from data_checks.kinds.kind_space import KindSpace
    from vae_core.evaluation.features.extractor import FeatureExtractor


def keep_kinds(world: World, digest: str, pixels: np.ndarray, extractor: FeatureExtractor) -> None:
    """Keep the space of the reference's images (N, C, H, W) under the version's digest."""
    from safetensors.numpy import save

    from data_checks.kinds.kind_space import KindSpace

    features = cached_features(world, pixels, extractor).features
    tell_step("features", f"the space of {len(pixels):,} images of the reference")
    space = KindSpace.fit(features)
    world.objects.put(_key(digest, extractor), save({"mean": space.mean, "axes": space.axes, "points": space.points}))


def read_kinds(world: World, digest: str, extractor: FeatureExtractor) -> KindSpace | None:
    """What was kept; None of versions of releases that did not, and where the network is another one."""
    from safetensors.numpy import load

    from data_checks.kinds.kind_space import KindSpace

    key = _key(digest, extractor)
    if world.objects.etag(key) is None:
        return None
    return KindSpace(**load(world.objects.get(key).data))


def _key(digest: str, extractor: FeatureExtractor) -> str:
    return f"measurements/{digest[:16]}-kinds-{extractor.digest[:16]}.safetensors"
