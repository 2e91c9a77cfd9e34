"""Chapter six: first champion and promoted version on the same images, old and new."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from latentloop.demo.telling import Chapter, Story

if TYPE_CHECKING:
    from tasks.values import Registered
    from vae_core.artifact import Artifact
    from vae_core.evaluation.benchmark_result import BenchmarkResult, FrechetScore

SHOWN, WIDEST_PX = 12, 84


def before_and_after(story: Story, chapter: Chapter) -> None:
    """The season's mix from files that were never sent, and `benchmark_old` as the registrations measured it."""
    from tasks.card.drawing import draw_picture
    from vae_core.evaluation.images.decoding import quantize
    from vae_core.evaluation.images.pictures import tile_images
    from vae_core.inference import score_images

    pixels, is_new = story.supply.measurement(story.scale.measured)
    with TemporaryDirectory() as temporary:
        first = _artifact(story, story.versions["first"], Path(temporary) / "first")
        promoted = _artifact(story, story.versions["emergency"], Path(temporary) / "promoted")
    old = {name: _benchmark_old(story, story.versions[name]) for name in ("first", "emergency")}
    mix = dict(zip(("first", "emergency"), _measure(story, pixels, (first, promoted)), strict=True))
    errors = [score_images(each.model, pixels[is_new]).recon_error.mean() for each in (first, promoted)]
    story.figures |= {
        "recon_error_after_old": old["emergency"].recon_error,
        "recon_error_after_new": mix["emergency"].recon_error,
        "recon_error_mix_first": mix["first"].recon_error,
        "recon_error_new_kind_first": float(errors[0]),
        "recon_error_new_kind_promoted": float(errors[1]),
        "fd_efflite0_during_old": _samples(old["first"]).value,
        "fd_efflite0_during_new": _samples(mix["first"]).value,
        "fd_efflite0_after_old": _samples(old["emergency"]).value,
        "fd_efflite0_after_new": _samples(mix["emergency"]).value,
    }
    chapter.show("images of the season's mix", f"{len(pixels):,}, {int(is_new.sum()):,} of them new; never sent")
    for name, title in (("first", "first champion"), ("emergency", "promoted")):
        chapter.show(f"{title}, old: recon_error", f"{old[name].recon_error:.5f}")
        chapter.show(f"{title}, old: fd_efflite0 of samples", str(old[name].fd_samples))
        chapter.show(f"{title}, season: recon_error", f"{mix[name].recon_error:.5f}")
        chapter.show(f"{title}, season: fd_efflite0 of samples", str(mix[name].fd_samples))
    chapter.show("new kinds alone: recon_error", f"{errors[0]:.5f} before, {errors[1]:.5f} after")
    shown = pixels[is_new][:SHOWN]
    rows = [shown, *(quantize(score_images(each.model, shown).reconstruction) for each in (first, promoted))]
    picture = draw_picture(tile_images(np.concatenate(rows), len(shown)), zoom=max(1, WIDEST_PX // pixels.shape[-1]))
    story.pictures.append(
        (
            "New kinds of images (upper row), as the first champion saw them (middle) and as the promoted one does",
            picture,
        )
    )


def _samples(result: BenchmarkResult) -> FrechetScore:
    assert result.fd_samples is not None, "a trained version has a prior to sample from"
    return result.fd_samples


def _artifact(story: Story, registered: Registered, folder: Path) -> Artifact:
    from deploy.stores.objects.artifacts import artifact_prefix, fetch_artifact

    return fetch_artifact(story.world.objects, artifact_prefix(registered.digest), registered.digest, folder)


def _benchmark_old(story: Story, registered: Registered) -> BenchmarkResult:
    from vae_core.evaluation.benchmark_result import BenchmarkResult

    key = story.world.registry.version(registered.version).tags["latentloop.trigger"]
    return BenchmarkResult.model_validate_json(story.world.objects.get(f"runs/{key}/benchmark.json").data)


def _measure(story: Story, pixels: np.ndarray, artifacts: tuple[Artifact, ...]) -> list[BenchmarkResult]:
    import torch

    from vae_core.evaluation.benchmark import evaluate
    from vae_core.evaluation.features.extractor import EfficientNetLite0
    from vae_core.evaluation.features.real_features import extract_real_features
    from vae_core.training.objectives.precision import resolve_precision

    torch.set_num_threads(1)  # beside other load two are slower
    config = story.settings.evaluation
    precision = resolve_precision(config.precision, "cpu")
    extractor = EfficientNetLite0.load(story.settings.features_file, precision=precision)
    real = extract_real_features(pixels, extractor)
    results = []
    for artifact in artifacts:
        story.say(f"measuring on {len(pixels):,} images of the season's mix")
        results.append(
            evaluate(
                artifact.model, pixels, extractor=extractor, prior=artifact.prior, real_features=real,
                n_samples=config.n_samples, seed=config.seed,
            )
        )  # fmt: skip
    return results
