"""Candidate and champion on the same images, scored on this machine: the paired changes that the gate judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from deploy.wiring import World
from tasks.dataset.images import read_benchmark
from tasks.evaluate import read_new
from tasks.run.progress import tell_step
from tasks.scoring.measure import Measured, cached_features, kept_measurement, open_extractor
from tasks.scoring.scores import score_many
from tasks.values import Evaluated, RetrainPlan

if TYPE_CHECKING:
    import numpy as np

    from deploy.delivery.gate import Change, ClusterChange, Metric
    from deploy.release import ServedVersion
    from vae_core.artifact import Artifact
    from vae_core.evaluation.benchmark_result import BenchmarkResult, FrechetScore
    from vae_core.evaluation.distances.paired_change import RelativeChange
    from vae_core.evaluation.features.extractor import FeatureExtractor

SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Both versions' results, every change against the champion, and the clusters of its reference.

    A VAE and a VQ-VAE are compared like two of a kind: errors and Fréchet distances mean the same of both.
    """

    candidate_old: BenchmarkResult
    champion_old: BenchmarkResult
    champion_new: BenchmarkResult | None
    changes: list[Change]
    clusters: list[ClusterChange]


def compare_versions(world: World, plan: RetrainPlan, evaluated: Evaluated, champion: ServedVersion) -> Compared:
    """Measure the champion where the candidate was measured, and pair them by image."""
    mine = world.artifact(evaluated.artifact, evaluated.digest)
    theirs = world.artifact(champion.artifact, champion.digest)
    extractor = open_extractor(world)
    old, new = read_benchmark(world.objects, plan.benchmark, world.settings.evaluation.n_images), read_new(world, plan)
    changes = _changes(world, "old", mine, theirs, old, extractor)
    if new is not None:
        changes += _changes(world, "new", mine, theirs, new, extractor)
    return Compared(
        candidate_old=kept_measurement(world, mine, old, extractor).result,
        champion_old=kept_measurement(world, theirs, old, extractor).result,
        champion_new=None if new is None else kept_measurement(world, theirs, new, extractor).result,
        changes=changes,
        clusters=_cluster_changes(world, mine, theirs, old),
    )


def _changes(
    world: World,
    benchmark: Literal["old", "new"],
    mine: Artifact,
    theirs: Artifact,
    pixels: np.ndarray,
    extractor: FeatureExtractor,
) -> list[Change]:
    errors = _errors(mine, pixels), _errors(theirs, pixels)
    candidate, champion = (kept_measurement(world, each, pixels, extractor) for each in (mine, theirs))
    real = cached_features(world, pixels, extractor).features
    tell_step("comparing", f"distances of both versions on benchmark_{benchmark}")
    return paired_changes(benchmark, *errors, real, candidate, champion)


def paired_changes(
    benchmark: Literal["old", "new"],
    errors: np.ndarray,
    champion_errors: np.ndarray,
    real: np.ndarray,
    candidate: Measured,
    champion: Measured,
) -> list[Change]:
    """Changes of the errors (N,) of the same images, and of all distances to their features `real` that both have."""
    from deploy.delivery.gate import Change
    from deploy.delivery.paired_errors import paired_ratio

    ratio = paired_ratio(errors, champion_errors)
    changes = [Change("recon_error", benchmark, ratio.value - 1, ratio.low - 1, ratio.high - 1, ratio.n)]
    small = candidate.result.fd_reconstructions.n_too_small
    distances = _kernel_changes(real, candidate, champion) if small else _frechet_changes(real, candidate, champion)
    return changes + [
        Change(metric, benchmark, each.value, each.low, each.high, each.n) for metric, each in distances.items()
    ]


def _frechet_changes(real: np.ndarray, candidate: Measured, champion: Measured) -> dict[Metric, RelativeChange]:
    from vae_core.evaluation.distances.frechet_interval import prepare_features
    from vae_core.evaluation.distances.paired_change import paired_reconstruction_change, sample_change

    known = prepare_features(real)
    changes: dict[Metric, RelativeChange] = {
        "fd_efflite0_reconstructions": paired_reconstruction_change(
            known, candidate.reconstructions, champion.reconstructions
        )
    }
    if _large_enough(candidate.result.fd_samples) and _large_enough(champion.result.fd_samples):
        changes["fd_efflite0"] = sample_change(known, candidate.samples, champion.samples)
    return changes


def _kernel_changes(real: np.ndarray, candidate: Measured, champion: Measured) -> dict[Metric, RelativeChange]:
    """In place of Fréchet distances, which of so few images are mostly bias."""
    from vae_core.evaluation.distances.kernel_change import kernel_reconstruction_change, kernel_sample_change
    from vae_core.evaluation.distances.u_statistic import SMALLEST_SET

    if len(real) < SMALLEST_SET:
        return {}
    changes: dict[Metric, RelativeChange] = {
        "kid_efflite0_reconstructions": kernel_reconstruction_change(
            real, candidate.reconstructions, champion.reconstructions
        )
    }
    if candidate.result.fd_samples is not None and champion.result.fd_samples is not None:
        changes["kid_efflite0"] = kernel_sample_change(real, candidate.samples, champion.samples)
    return changes


def _large_enough(samples: FrechetScore | None) -> bool:
    """Whether a version has samples, and enough of them: a VQ-VAE without a prior over its codes has none."""
    return samples is not None and not samples.n_too_small


def _cluster_changes(world: World, mine: Artifact, theirs: Artifact, pixels: np.ndarray) -> list[ClusterChange]:
    """Errors in the clusters of the champion's reference, on `benchmark_old`: no known kind may be lost."""
    import numpy as np

    from data_checks.kinds.clusters import fit_clusters
    from deploy.delivery.paired_errors import measure_clusters

    if theirs.reference is None:
        return []
    clusters = fit_clusters(theirs.reference.mu.astype(np.float32), seed=SEED)
    scores = score_many(theirs.model, pixels, "images, by cluster")
    assigned = clusters.assign(scores.mu)
    return measure_clusters(
        _errors(mine, pixels), scores.recon_error, assigned, world.settings.gate.lost_cluster_min_images
    )


def _errors(version: Artifact, pixels: np.ndarray) -> np.ndarray:
    return score_many(version.model, pixels, "images, for the errors of both versions").recon_error
