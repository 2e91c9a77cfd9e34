"""The gate as a task: fetch the measurements, let the pure judge decide, keep the verdict."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_checks.verdict import Verdict
from tasks.context import engine, now, objects, settings
from tasks.images import read_benchmark
from tasks.steps import finish_step, finished_step
from tasks.values import Evaluated, RetrainPlan

if TYPE_CHECKING:
    import numpy as np

    from deploy.delivery.gate import Change, Standing
    from deploy.release import ServedVersion
    from vae_core.artifact import Artifact
    from vae_core.evaluation.benchmark_result import BenchmarkResult, FrechetScore


@task(cache_policy=NO_CACHE, retries=1, retry_delay_seconds=5)
def judge_candidate(plan: RetrainPlan, evaluated: Evaluated) -> Verdict:
    """Absolute bars for a first version; against the champion, on the same images and machine, afterwards."""
    if (kept := finished_step(objects(), plan.key, "verdict", Verdict)) is not None:
        return kept
    from deploy.delivery import gate
    from deploy.stores.ledger import Ledger
    from deploy.stores.release import ReleaseStore
    from vae_core.evaluation.benchmark_result import BenchmarkResult

    result = BenchmarkResult.model_validate_json(objects().get(evaluated.benchmark).data)
    champion = ReleaseStore(engine()).read().champion
    if champion is None:
        verdict = gate.judge_first_version(_standing(result), settings().gate)
    else:
        theirs, changes = _compare(plan, evaluated, result, champion)
        verdict = gate.judge_candidate(
            changes,
            tier=plan.tier,
            active_units=result.active_units,
            champion_active_units=theirs.active_units,
            policy=settings().gate,
        )
    Ledger(engine()).record("gate", plan.key, verdict.model_dump_json(), now(), key=f"gate:{plan.key}")
    return finish_step(objects(), plan.key, "verdict", verdict)


def _standing(result: BenchmarkResult) -> Standing:
    from deploy.delivery.gate import Standing

    small = result.fd_reconstructions.n_too_small
    return Standing(
        explained_variance=result.explained_variance,
        active_units=result.active_units,
        frechet_over_floor=None if small else result.fd_samples.value / result.fd_floor.value,
    )


def _compare(
    plan: RetrainPlan, evaluated: Evaluated, result: BenchmarkResult, champion: ServedVersion
) -> tuple[BenchmarkResult, list[Change]]:
    """The champion on the candidate's benchmark, and the paired changes."""
    from deploy.delivery.gate import Change
    from deploy.stores.artifacts import fetch_artifact
    from tasks.evaluate import cached_features, open_extractor
    from vae_core.evaluation.benchmark import evaluate

    config = settings().evaluation
    pixels = read_benchmark(objects(), plan.benchmark, config.n_images)
    extractor = open_extractor()
    with tempfile.TemporaryDirectory() as temporary:
        mine = fetch_artifact(objects(), evaluated.artifact, evaluated.digest, Path(temporary) / "candidate")
        theirs = fetch_artifact(objects(), champion.artifact, champion.digest, Path(temporary) / "champion")
    measured = evaluate(
        theirs.model,
        pixels,
        extractor=extractor,
        prior=theirs.prior,
        real_features=cached_features(pixels, extractor),
        n_samples=config.n_samples,
        seed=config.seed,
        device=settings().training.device,
    )
    changes = [_error_change(mine, theirs, pixels)]
    if not result.fd_samples.n_too_small:
        value, low, high = _ratio(result.fd_samples, measured.fd_samples)
        changes.append(Change("fd_efflite0", "old", value, low, high, result.n_samples))
    return measured, changes


def _error_change(mine: Artifact, theirs: Artifact, pixels: np.ndarray) -> Change:
    """Relative change of the mean error, paired by image; the interval is that of a ratio of means (delta method)."""
    import numpy as np

    from deploy.delivery.gate import Change
    from vae_core.inference import score_images

    candidate = score_images(mine.model, pixels).recon_error.astype(np.float64)
    champion = score_images(theirs.model, pixels).recon_error.astype(np.float64)
    ratio = candidate.mean() / champion.mean()
    spread = (candidate - ratio * champion).std(ddof=1) / np.sqrt(len(pixels)) / champion.mean()
    return Change("recon_error", "old", ratio - 1, ratio - 1 - 1.96 * spread, ratio - 1 + 1.96 * spread, len(pixels))


def _ratio(mine: FrechetScore, theirs: FrechetScore) -> tuple[float, float, float]:
    """Relative change of two distances to the same real set; their common part would only narrow the interval."""
    ratio = mine.value / theirs.value
    spread = ratio * ((mine.standard_error / mine.value) ** 2 + (theirs.standard_error / theirs.value) ** 2) ** 0.5
    return ratio - 1, ratio - 1 - 1.96 * spread, ratio - 1 + 1.96 * spread
