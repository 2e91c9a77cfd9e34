"""Evaluation as a task: the fixed benchmarks, the reference and golden answers, the pictures, the complete artifact."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from deploy.wiring import World
from tasks.card.pictures import draw_card
from tasks.dataset.images import read_benchmark
from tasks.dataset.kinds_known import keep_kinds
from tasks.dataset.pixels import read_pixels
from tasks.dataset.rows import in_window, training_rows
from tasks.run.progress import counting, tell_share
from tasks.run.steps import finish_step, finished_step
from tasks.scoring.label_figures import measure_labels
from tasks.scoring.measure import cached_clusters, cached_features, keep_measured, measure_version, open_extractor
from tasks.values import Evaluated, RetrainPlan, Trained

if TYPE_CHECKING:
    import numpy as np

    from vae_core.artifact import Artifact
    from vae_core.evaluation.benchmark_result import BenchmarkResult
    from vae_core.evaluation.progress import EvaluationProgress

GOLDEN_IMAGES = 16
REFERENCE_IMAGES = 1_000  # of traffic: its 99th percentile rests on ten; fewer are joined by benchmark_old


@task(cache_policy=NO_CACHE, retries=1, retry_delay_seconds=5)
def evaluate_candidate(world: World, plan: RetrainPlan, trained: Trained) -> Evaluated:
    """Measure on `benchmark_old` and `benchmark_new`; the artifact gains its reference and golden answers."""
    if (kept := finished_step(world.objects, plan.key, "evaluated", Evaluated)) is not None:
        return kept
    import torch

    from deploy.stores.objects.artifacts import artifact_prefix, put_artifact
    from vae_core.artifact import make_golden, write_artifact
    from vae_core.reference import measure_reference

    torch.set_num_threads(world.settings.training.threads)

    old = read_benchmark(world.objects, plan.benchmark, world.settings.evaluation.n_images)
    new = read_new(world, plan)
    shares = _Shares(len(old), 0 if new is None else len(new))
    extractor = open_extractor(world)
    independent = cached_features(world, _independent(world, plan, len(old)), extractor)
    artifact = world.artifact(trained.prefix, trained.digest)
    on_old = measure_version(world, artifact, old, extractor, independent=independent, on_progress=shares.of_old)
    on_new = None if new is None else measure_version(world, artifact, new, extractor, on_progress=shares.of_new)
    accepted, of_what = reference_images(plan, *_for_reference(world, plan))
    tell = counting("measuring", "images of the reference", len(accepted))
    artifact = replace(
        artifact,
        reference=measure_reference(artifact.model, accepted, on_progress=tell),
        golden=make_golden(artifact.model, old[:GOLDEN_IMAGES]),
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "complete"
        digest = write_artifact(folder, artifact)
        put_artifact(world.objects, folder, artifact_prefix(digest))
    keep_kinds(world, digest, accepted, extractor)
    keep_measured(world, on_old, digest, old, extractor)
    if on_new is not None and new is not None:
        keep_measured(world, on_new, digest, new, extractor)
    measure_labels(world, plan, artifact, old)
    pictures = f"runs/{plan.key}/pictures"
    for name, content in draw_card(
        world, artifact, old, on_old.result, plan, cached_clusters(world, old, extractor)
    ).items():
        world.objects.put(f"{pictures}/{name}", content)
    evaluated = Evaluated(
        key=plan.key,
        digest=digest,
        artifact=artifact_prefix(digest),
        benchmark=put_result(world, plan, "benchmark", on_old.result),
        benchmark_new=put_result(world, plan, "benchmark_new", on_new.result) if on_new else None,
        pictures=pictures,
        reference=of_what,
        code_nats=_code_nats(artifact),
        sight=_sight(world, artifact),
    )
    return finish_step(world.objects, plan.key, "evaluated", evaluated)


@dataclass(frozen=True, slots=True)
class _Shares:
    """One share for the evaluation of both sets, so that it does not begin anew with the second."""

    old: int
    new: int

    def of_old(self, progress: EvaluationProgress) -> None:
        """Say how far the first set is."""
        self._say(progress, self.old * progress.share_done, "")

    def of_new(self, progress: EvaluationProgress) -> None:
        """Say how far the second set is."""
        self._say(progress, self.old + self.new * progress.share_done, "benchmark_new, ")

    def _say(self, progress: EvaluationProgress, done: float, which: str) -> None:
        share = done / (self.old + self.new)
        tell_share("evaluating", share, which + progress.describe(), part=which + progress.stage)


def _sight(world: World, artifact: Artifact) -> str:
    """What drift of the version's traffic its reference will show, in words."""
    from data_checks.drift.smallest_shift import look_ahead

    assert artifact.reference is not None, "measured just now"
    reference = artifact.reference
    return look_ahead(len(reference), reference.mu.shape[1], reference.own, world.settings.drift).describe()


def _code_nats(artifact: Artifact) -> float | None:
    """What the prior over codes needs for one code of the reference's images, in nats; None of a VAE."""
    from vae_core.families.registry import family_of

    return family_of(artifact.model).prior_nats(artifact.prior, artifact.reference)


def read_new(world: World, plan: RetrainPlan) -> np.ndarray | None:
    """The images of the plan's `benchmark_new` that are used; None where it has none."""
    if plan.benchmark_new is None:
        return None
    return read_benchmark(world.objects, plan.benchmark_new, world.settings.evaluation.n_images)


def _for_reference(world: World, plan: RetrainPlan) -> tuple[np.ndarray, np.ndarray | None]:
    """Of both sets as many as are used, and never fewer than a reference needs to be judged against."""
    at_most = max(world.settings.evaluation.n_images, world.settings.drift.min_reference)
    new = None if plan.benchmark_new is None else read_benchmark(world.objects, plan.benchmark_new, at_most)
    return read_benchmark(world.objects, plan.benchmark, at_most), new


def put_result(world: World, plan: RetrainPlan, name: str, result: BenchmarkResult) -> str:
    """Keep a result beside the run; returns its key."""
    key = f"runs/{plan.key}/{name}.json"
    world.objects.put(key, result.model_dump_json(indent=2).encode())
    return key


def reference_images(plan: RetrainPlan, old: np.ndarray, new: np.ndarray | None) -> tuple[np.ndarray, str]:
    """Images like those that the version will meet, and which they are.

    An emergency's traffic has the mix of `benchmark_new`: known images beside it would thin the new kind out, and the
    new version's first window would look like the drift that it was made for. The other tiers expect the mix that is
    known, so a small `benchmark_new` is joined by `benchmark_old`.
    """
    import numpy as np

    if new is None:
        return old, f"{len(old):,} images of benchmark_old"
    if plan.tier == "emergency" or len(new) >= REFERENCE_IMAGES:
        return new, f"{len(new):,} images of benchmark_new, in the mix of the traffic"
    both = np.concatenate([old, new])
    return both, f"{len(old):,} images of benchmark_old and {len(new):,} of benchmark_new"


def _independent(world: World, plan: RetrainPlan, count: int) -> np.ndarray:
    """As many other images as `benchmark_old` has, of the same kind, for its floor.

    Chosen by the first training that needs them and kept: the floor belongs to the benchmark, not to a version.
    """
    import numpy as np
    from safetensors.numpy import load, save

    key = f"{plan.benchmark.prefix}/independent-{count}.safetensors"
    if world.objects.etag(key) is None:
        catalogue = world.catalogue
        rows = training_rows(world, catalogue, plan, ["row"])
        if len(known := rows.filter(~in_window(world, rows, plan))) >= count:
            rows = known
        chosen = np.random.default_rng(plan.train.seed).permutation(len(rows))[:count]
        rows = rows.take(np.sort(chosen))
        found = read_pixels(catalogue, plan.catalogue_version, rows, plan.preprocessing, "images for the floor")
        world.objects.put(key, save({"pixels": found}))
    pixels: np.ndarray = load(world.objects.get(key).data)["pixels"]
    return pixels
