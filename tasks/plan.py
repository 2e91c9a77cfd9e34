"""The plan of a training: what data, which hold-out, which recipe; decided once and kept."""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.context import engine, now, objects, settings
from tasks.errors import DataRefused, NotEnoughData
from tasks.images import decode_rows, training_rows, write_benchmark
from tasks.steps import finish_step, finished_step
from tasks.values import BenchmarkSet, RetrainPlan

MIN_TRAINING_IMAGES = 200


def name_trigger(key: str | None, deployment: str) -> str:
    """The key that was given, or the schedule slot that started this run: a slot does its work once."""
    if key is not None:
        return key
    from prefect.runtime import flow_run

    slot = flow_run.scheduled_start_time or now()
    return f"schedule-{deployment}-{slot:%Y-%m-%dT%H%M}"


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5)
def plan_retrain(key: str, tier: Literal["full"], reason: str) -> RetrainPlan:
    """Fix catalogue version, hold-out and recipe; cuts `benchmark_old` by source when there is none yet."""
    if (kept := finished_step(objects(), key, "plan", RetrainPlan)) is not None:
        return kept
    catalogue = settings().open_catalogue()
    version = catalogue.version()
    counts = dict(catalogue.sources(version))
    if not counts:
        raise NotEnoughData("the catalogue is empty: expected accepted images; run `latentloop ingest FOLDER` first")
    benchmark = _benchmark_old(version, counts)
    sources = tuple(sorted(set(counts) - set(benchmark.sources)))
    images = sum(counts[source] for source in sources)
    _require_enough(images, len(sources), benchmark.n)
    plan = RetrainPlan(
        key=key,
        tier=tier,
        reason=reason,
        catalogue_version=version,
        n_training=images,
        sources=sources,
        benchmark=benchmark,
        model=settings().training.model,
        train=settings().training.full,
        preprocessing=settings().preprocessing,
        planned_at=now(),
    )
    return finish_step(objects(), key, "plan", plan)


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5)
def validate_plan(plan: RetrainPlan) -> None:
    """The suite over the very rows that will be trained on, and no image of a benchmark among them."""
    from data_checks.table_suite import COLUMNS, judge_table
    from deploy.stores.digests import DigestIndex
    from deploy.stores.ledger import Ledger

    rows = training_rows(settings().open_catalogue(), plan, list(COLUMNS))
    result = judge_table(rows.to_pandas(), settings().input_policy, plan.preprocessing)
    leaked = DigestIndex(engine()).protected(rows["digest"].to_pylist())
    Ledger(engine()).record(
        "data", plan.key, result.verdict.model_dump_json(), now(), key=f"data:{plan.key}:{result.verdict.phase}"
    )
    if result.failed_rows or not result.verdict.passed:
        raise DataRefused(f"catalogue version {plan.catalogue_version} is not fit to train on: {result.verdict.reason}")
    if leaked:
        raise DataRefused(
            f"{len(leaked)} training images belong to a benchmark as well, the first is {min(leaked)}: "
            "expected 0; remove them from the catalogue"
        )


def _require_enough(images: int, sources: int, held_out: int) -> None:
    if images < MIN_TRAINING_IMAGES:
        raise NotEnoughData(
            f"{images} images of {sources} sources may be trained on (the hold-out keeps {held_out}): "
            f"expected at least {MIN_TRAINING_IMAGES}; ingest more"
        )


def _benchmark_old(version: int, counts: dict[str, int]) -> BenchmarkSet:
    """The hold-out that stands, or a new one; of two planners that cut at once the first in the ledger wins."""
    from data_checks.split import split_by_source
    from deploy.stores.digests import DigestIndex
    from deploy.stores.ledger import Ledger

    ledger = Ledger(engine())
    if not (found := ledger.entries("benchmark", "old", limit=1)):
        evaluation = settings().evaluation
        split = split_by_source(
            counts,
            holdout_min=evaluation.holdout_min,
            holdout_share=evaluation.holdout_share,
            salt=settings().product,
        )
        # before the cut: a hold-out that is frozen stays, and its images can never be trained on
        _require_enough(split.training_images, len(split.training_sources), split.holdout_images)
        cut = _cut(version, tuple(sorted(split.holdout_sources)))
        ledger.record("benchmark", "old", cut.model_dump_json(), now(), key="benchmark:old")
        found = ledger.entries("benchmark", "old", limit=1)
    benchmark = BenchmarkSet.model_validate_json(found[0].body)
    manifest = _digests(benchmark)
    DigestIndex(engine()).protect(manifest, benchmark.prefix)
    return benchmark


def _cut(version: int, sources: tuple[str, ...]) -> BenchmarkSet:
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = settings().open_catalogue().read(["image", "digest", "source"], version=version)
    rows = rows.filter(pc.is_in(rows["source"], value_set=pa.array(sources, pa.string())))
    # shuffled once, so that the first n images are a fair sample of all held-out sources
    seed = int.from_bytes(hashlib.sha256(f"{version}".encode()).digest()[:4], "big")
    rows = rows.take(np.random.default_rng(seed).permutation(len(rows)))
    pixels = decode_rows(rows["image"], settings().preprocessing)
    return write_benchmark(objects(), "old", pixels, rows["digest"].to_pylist(), sources)


def _digests(benchmark: BenchmarkSet) -> list[str]:
    import json

    found: list[str] = json.loads(objects().get(f"{benchmark.prefix}/manifest.json").data)["digests"]
    return found
