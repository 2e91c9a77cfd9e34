"""Evaluation as a task: the fixed benchmark, the reference and golden answers, the pictures, the complete artifact."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.context import objects, settings
from tasks.drawing import draw_curves, draw_histogram, draw_picture
from tasks.images import decode_rows, read_benchmark, training_rows
from tasks.progress import ProgressWriter
from tasks.steps import finish_step, finished_step
from tasks.train import curve_key
from tasks.values import Evaluated, RetrainPlan, Trained

if TYPE_CHECKING:
    import numpy as np

    from vae_core.artifact import Artifact
    from vae_core.evaluation.benchmark_result import BenchmarkResult
    from vae_core.evaluation.features import FeatureExtractor
    from vae_core.evaluation.progress import EvaluationProgress
    from vae_core.evaluation.real_features import RealFeatures

GOLDEN_IMAGES = 16
SHOWN_IMAGES = 12


@task(cache_policy=NO_CACHE, retries=1, retry_delay_seconds=5)
def evaluate_candidate(plan: RetrainPlan, trained: Trained) -> Evaluated:
    """Measure on `benchmark_old`; the artifact gains the reference of this data and golden answers."""
    if (kept := finished_step(objects(), plan.key, "evaluated", Evaluated)) is not None:
        return kept
    import torch

    from deploy.stores.artifacts import artifact_prefix, fetch_artifact, put_artifact
    from vae_core.artifact import make_golden, write_artifact
    from vae_core.evaluation.benchmark import evaluate
    from vae_core.reference import measure_reference

    torch.set_num_threads(settings().training.threads)
    note = ProgressWriter(objects(), plan.key)
    config = settings().evaluation
    pixels = read_benchmark(objects(), plan.benchmark, config.n_images)
    extractor = open_extractor()
    with tempfile.TemporaryDirectory() as temporary:
        artifact = fetch_artifact(objects(), trained.prefix, trained.digest, Path(temporary) / "trained")

        def progressed(progress: EvaluationProgress) -> None:
            note.note("evaluating", progress.share_done, progress.stage)

        result = evaluate(
            artifact.model,
            pixels,
            extractor=extractor,
            prior=artifact.prior,
            real_features=cached_features(pixels, extractor),
            independent_features=cached_features(_independent(plan, len(pixels)), extractor),
            n_samples=config.n_samples,
            seed=config.seed,
            device=settings().training.device,
            on_progress=progressed,
        )
        artifact = replace(
            artifact,
            reference=measure_reference(artifact.model, pixels),
            golden=make_golden(artifact.model, pixels[:GOLDEN_IMAGES]),
        )
        folder = Path(temporary) / "complete"
        digest = write_artifact(folder, artifact)
        put_artifact(objects(), folder, artifact_prefix(digest))
    note.note("drawing", 1.0, "pictures of the model card")
    pictures = f"runs/{plan.key}/pictures"
    for name, content in _draw(artifact, pixels, result, plan).items():
        objects().put(f"{pictures}/{name}", content)
    benchmark = f"runs/{plan.key}/benchmark.json"
    objects().put(benchmark, result.model_dump_json(indent=2).encode())
    evaluated = Evaluated(
        key=plan.key, digest=digest, artifact=artifact_prefix(digest), benchmark=benchmark, pictures=pictures
    )
    return finish_step(objects(), plan.key, "evaluated", evaluated)


def open_extractor() -> FeatureExtractor:
    """The offline feature network, in bf16 where the processor computes in it."""
    from vae_core.evaluation.features import EfficientNetLite0
    from vae_core.training.precision import resolve_precision

    device = settings().training.device
    return EfficientNetLite0.load(
        settings().features_file, precision=resolve_precision(settings().evaluation.precision, device), device=device
    )


def cached_features(pixels: np.ndarray, extractor: FeatureExtractor) -> RealFeatures:
    """Features of a fixed set: extracted once for a feature space, kept in the object store."""
    from vae_core.evaluation.real_features import RealFeatures, extract_real_features, features_key
    from vae_core.preprocessing import pixel_digest

    key = f"features/{features_key(extractor.digest, pixel_digest(pixels))}.safetensors"
    if objects().etag(key) is not None:
        return RealFeatures.from_bytes(objects().get(key).data)
    features = extract_real_features(pixels, extractor)
    objects().put(key, features.to_bytes())
    return features


def _independent(plan: RetrainPlan, count: int) -> np.ndarray:
    """As many training images as the benchmark has: real images of the same kind, for the floor."""
    import numpy as np

    rows = training_rows(settings().open_catalogue(), plan, ["image"])["image"]
    chosen = np.random.default_rng(plan.train.seed).permutation(len(rows))[:count]
    return decode_rows(rows.take(np.sort(chosen)), plan.preprocessing)


def _draw(artifact: Artifact, pixels: np.ndarray, result: BenchmarkResult, plan: RetrainPlan) -> dict[str, bytes]:
    import numpy as np

    from vae_core.evaluation.pictures import reconstruction_grid, sample_grid, traversal_grid, worst_reconstructions

    assert artifact.reference is not None
    model, seed = artifact.model, settings().evaluation.seed
    strongest = np.argsort(result.kl_per_dim)[::-1][:8].tolist()
    curve = json.loads(objects().get(curve_key(plan.key)).data)
    return {
        "reconstructions.png": draw_picture(reconstruction_grid(model, pixels[:SHOWN_IMAGES])),
        "worst.png": draw_picture(worst_reconstructions(model, pixels, SHOWN_IMAGES).grid),
        "samples.png": draw_picture(sample_grid(model, artifact.prior, rows=4, columns=SHOWN_IMAGES, seed=seed)),
        "traversals.png": draw_picture(
            traversal_grid(model, artifact.reference.mu[0].astype(np.float32), strongest, steps=SHOWN_IMAGES)
        ),
        "curves.png": draw_curves(curve, f"training, {curve['step'][-1]:,} steps"),
        "errors.png": draw_histogram(
            artifact.reference.recon_error, result.recon_error_p99, "recon_error per image", "mean squared error"
        ),
    }
