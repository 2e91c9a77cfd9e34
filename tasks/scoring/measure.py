"""One version on one fixed set: the benchmark's result, and the features that a paired comparison needs.

The features of the version that a candidate meets as champion were extracted when it was a candidate itself; they are
kept by digest. Errors are measured anew each time, so that both versions were scored on one machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deploy.wiring import World
from tasks.run.device import training_device
from tasks.run.progress import counting, tell_share, tell_step

if TYPE_CHECKING:
    from vae_core.artifact import Artifact
    from vae_core.evaluation.benchmark_result import BenchmarkResult
    from vae_core.evaluation.features.extractor import FeatureExtractor
    from vae_core.evaluation.features.real_features import RealFeatures
    from vae_core.evaluation.progress import EvaluationProgress


SAMPLES_OF_FEW = 1_000  # beside fewer images: samples are cheap, and their noise is not that of the images


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A result, and the features that it was made of: (N, F) of the set's reconstructions and (M, F) of samples.

    M is 0 where the version can give no samples: a VQ-VAE without a prior over its codes.
    """

    result: BenchmarkResult
    reconstructions: np.ndarray
    samples: np.ndarray


def measure_version(
    world: World,
    artifact: Artifact,
    pixels: np.ndarray,
    extractor: FeatureExtractor,
    *,
    independent: RealFeatures | None = None,
    on_progress: Callable[[EvaluationProgress], None] | None = None,
) -> Measured:
    """Evaluate a version on pixels (N, C, H, W); beside a small set as many samples are drawn, or 1,000."""
    from vae_core.evaluation.benchmark import evaluate
    from vae_core.placement import model_on
    from vae_core.priors.code_prior import CodePrior

    config, device, remembering = world.settings.evaluation, training_device(world), _Remembering(extractor)
    prior = artifact.prior
    n_samples = config.n_samples
    if len(pixels) < config.n_images:
        n_samples = min(config.n_samples, max(len(pixels), SAMPLES_OF_FEW))
    result = evaluate(
        model_on(artifact.model, device),
        pixels,
        extractor=remembering,
        prior=model_on(prior, device) if isinstance(prior, CodePrior) else prior,
        real_features=cached_features(world, pixels, extractor),
        independent_features=independent,
        groups=cached_clusters(world, pixels, extractor),
        thorough=config.thorough,
        n_samples=n_samples,
        seed=config.seed,
        device=device,
        on_progress=on_progress,
    )
    seen = np.concatenate(remembering.seen)
    drawn = n_samples * sum(
        each is not None for each in (result.fd_samples_standard, result.fd_samples_mixture, result.fd_samples_codes)
    )
    assert len(seen) == len(pixels) + drawn, "reconstructions first, the version's own samples last"
    return Measured(result, seen[: len(pixels)], seen[len(pixels) :][-n_samples:])


def kept_measurement(world: World, artifact: Artifact, pixels: np.ndarray, extractor: FeatureExtractor) -> Measured:
    """A registered version's measurement: read where it was kept, else made and kept."""
    key = _key(world, artifact.digest, pixels, extractor)
    if world.objects.etag(key) is None:

        def tell(progress: EvaluationProgress) -> None:
            tell_share("evaluating", progress.share_done, f"the other version, {progress.describe()}", progress.stage)

        measured = measure_version(world, artifact, pixels, extractor, on_progress=tell)
        keep_measured(world, measured, artifact.digest, pixels, extractor)
    return _read(world, key)


def keep_measured(
    world: World, measured: Measured, digest: str, pixels: np.ndarray, extractor: FeatureExtractor
) -> None:
    """Keep a measurement under the version's digest, the set and the feature space."""
    from safetensors.numpy import save

    document = np.frombuffer(measured.result.model_dump_json().encode(), dtype=np.uint8)
    content = {"result": document, "reconstructions": measured.reconstructions, "samples": measured.samples}
    world.objects.put(_key(world, digest, pixels, extractor), save(content))


def open_extractor(world: World) -> FeatureExtractor:
    """The offline feature network, in bf16 where the processor computes in it."""
    from vae_core.evaluation.features.extractor import EfficientNetLite0
    from vae_core.training.objectives.precision import resolve_precision

    device = training_device(world)
    return EfficientNetLite0.load(
        world.settings.features_file,
        precision=resolve_precision(world.settings.evaluation.precision, device),
        device=device,
    )


def cached_features(world: World, pixels: np.ndarray, extractor: FeatureExtractor) -> RealFeatures:
    """Features of a fixed set: extracted once for a feature space, kept in the object store."""
    from vae_core.evaluation.features.real_features import RealFeatures, extract_real_features, features_key
    from vae_core.images.preprocessing import pixel_digest

    key = f"features/{features_key(extractor.digest, pixel_digest(pixels))}.safetensors"
    if world.objects.etag(key) is not None:
        return RealFeatures.from_bytes(world.objects.get(key).data)
    features = extract_real_features(pixels, extractor, counting("features", "images of a fixed set", len(pixels)))
    world.objects.put(key, features.to_bytes())
    return features


def cached_clusters(world: World, pixels: np.ndarray, extractor: FeatureExtractor) -> np.ndarray | None:
    """Clusters (N,) of a fixed set in a feature space: found once and kept, so that all versions meet the same ones.

    None where the set is too small for two.
    """
    from safetensors.numpy import load, save

    from vae_core.evaluation.features.image_clusters import cluster_images, count_clusters
    from vae_core.evaluation.features.real_features import features_key
    from vae_core.images.preprocessing import pixel_digest

    if not (count := count_clusters(len(pixels))):
        return None
    key = f"features/{features_key(extractor.digest, pixel_digest(pixels))}-clusters-{count}.safetensors"
    if world.objects.etag(key) is None:
        features = cached_features(world, pixels, extractor).features
        tell_step("clusters", f"{count} of {len(pixels):,} images")
        found = cluster_images(features, count)
        if found is None:
            return None
        world.objects.put(key, save({"clusters": found}))
    clusters: np.ndarray = load(world.objects.get(key).data)["clusters"]
    return clusters


class _Remembering:
    """An extractor that keeps what it gave, in order: the evaluation gives back distances only."""

    def __init__(self, extractor: FeatureExtractor) -> None:
        self._extractor = extractor
        self.name, self.dim, self.digest = extractor.name, extractor.dim, extractor.digest
        self.seen: list[np.ndarray] = []

    def extract(self, pixels: np.ndarray) -> np.ndarray:
        features = self._extractor.extract(pixels)
        self.seen.append(features)
        return features


def _read(world: World, key: str) -> Measured:
    from safetensors.numpy import load

    from vae_core.evaluation.benchmark_result import BenchmarkResult

    content = load(world.objects.get(key).data)
    result = BenchmarkResult.model_validate_json(content["result"].tobytes())
    return Measured(result, content["reconstructions"], content["samples"])


def _key(world: World, digest: str, pixels: np.ndarray, extractor: FeatureExtractor) -> str:
    from vae_core.images.preprocessing import pixel_digest

    config = world.settings.evaluation
    drawn = f"{config.n_samples}-{config.seed}{'-thorough' if config.thorough else ''}"
    return f"measurements/{digest[:16]}-{pixel_digest(pixels)[:16]}-{extractor.digest[:16]}-{drawn}.safetensors"
