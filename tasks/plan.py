"""The plan of a training: what data, which hold-outs, which recipe; decided once and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.states import State

from deploy.record.holdouts import BenchmarkSet
from deploy.record.trainings import RETRAIN_REFUSED, NotBegun
from deploy.record.verdicts import DATA
from deploy.wiring import World
from tasks.dataset.benchmarks import cut_benchmark_new, cut_sets, open_benchmark_old, require_enough
from tasks.dataset.images import WINDOW_STEP, benchmark_digests, selection_of
from tasks.dataset.mixing import mark_new_kind, mix
from tasks.dataset.rows import count_below_policy, planned_rows, training_rows, without_vouched
from tasks.dataset.twins import find_twins
from tasks.dataset.window import select_window
from tasks.errors import DataRefused, NoChampion, NotEnoughData, PlanOutdated, SnapshotMissing, TaskError
from tasks.run.progress import tell_step
from tasks.run.slots import name_slot
from tasks.run.steps import finish_step, finished_step
from tasks.values import Cause, PlannedCodePrior, RetrainPlan, Tier, WindowSelection
from vae_core.config import TrainConfig
from vae_core.families.configs import ModelConfig
from vae_core.families.registry import family_of
from vae_core.training.recipes import recipe_for

if TYPE_CHECKING:
    from deploy.release import ServedVersion

REPLAY_SHARE = 0.2  # of what the incremental tier is trained on


def name_trigger(world: World, key: str | None, deployment: str, snapshot: str | None = None) -> str:
    """The key that was given; else the drift, or the schedule slot, that started this run: each does its work once."""
    if key:
        return key
    if snapshot:
        return f"drift-{deployment}-{snapshot}"
    from prefect.runtime import flow_run

    return name_slot(deployment, flow_run.scheduled_start_time or world.now())


def may_pass_later(task: object, run: object, state: State[object]) -> bool:
    """Whether a failed task is worth another try: a store may come back, but what we refuse stays refused."""
    return not isinstance(state.data, TaskError)


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2, retry_condition_fn=may_pass_later)
def require_snapshot(world: World, key: str, cause: Cause, snapshot: str | None) -> None:
    """A retraining for drift needs the stored report that asks for it; SnapshotMissing, on record, without one."""
    if cause != "drift" and not snapshot:
        return
    from deploy.stores.errors import InvalidKey

    wanted = f"snapshots/{snapshot or '(none)'}/snapshot.json"
    try:
        if snapshot and world.objects.etag(wanted) is not None:
            return
    except InvalidKey:  # what is no name, names no snapshot
        pass
    problem = SnapshotMissing(
        f"{key}: a retraining for drift expects its Evidently snapshot at {wanted}, found none; "
        "run `latentloop monitor`, or retrain by hand"
    )
    said = NotBegun(reason=str(problem))
    RETRAIN_REFUSED.write(world.ledger, key, said, world.now(), key=f"{RETRAIN_REFUSED.name}:{key}")
    raise problem


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5, retry_condition_fn=may_pass_later)
def plan_retrain(
    world: World, key: str, tier: Tier, reason: str, cause: Cause = "schedule", snapshot: str | None = None
) -> RetrainPlan:
    """Fix catalogue version, hold-outs and recipe; cuts `benchmark_old` once, and `benchmark_new` from new traffic."""
    _require_same_catalogue(world, key)
    if (kept := finished_step(world.objects, key, "plan", RetrainPlan)) is not None:
        return kept

    tell_step("planning", f"the {tier} tier")
    catalogue = world.catalogue
    champion = world.releases.read().champion
    if champion is None and tier != "full":
        raise NoChampion(f"{tier}: expected a champion to start from, there is none; run the full tier first")
    if champion is not None and tier == "full" and (differs := _sees_other_images(world, champion)):
        champion, reason = None, f"{reason}; {differs}"
    version = catalogue.version()
    if not catalogue.sources(version):
        raise NotEnoughData("the catalogue is empty: expected accepted images; run `latentloop ingest FOLDER` first")
    old = open_benchmark_old(world, version)
    selection = benchmark_new = None
    if champion is not None:
        selection = select_window(world, key, tier, champion, old.sources, (old.prefix, *cut_sets(world)), cause)
        version, champion = selection.catalogue_version, selection.champion
        benchmark_new = cut_benchmark_new(world, key, selection)
    model, held_back = _model(world, tier, champion), (old.prefix, *cut_sets(world))
    plan = RetrainPlan(
        key=key,
        tier=tier,
        cause=cause,
        reason=reason,
        snapshot=snapshot or None,
        champion=champion,
        catalogue=catalogue.name,
        catalogue_version=version,
        min_variance=world.settings.input_policy.min_variance,
        min_entropy_bits=world.settings.input_policy.min_entropy_bits,
        n_training=0,
        sources=_training_sources(world, version, old, benchmark_new),
        benchmark=old,
        benchmark_new=benchmark_new,
        held_back=held_back,
        twins=find_twins(world, key, version, held_back),
        window_began=None if selection is None or tier == "full" else selection.began,
        replay_images=_replay_images(world, tier, selection),
        found=selection.found if selection else None,
        model=model,
        train=recipe_for(model, _recipe(world, tier)),
        code_prior=_code_prior(world, model),
        preprocessing=world.settings.preprocessing,
        planned_at=world.now(),
    )
    rows = len(training_rows(world, catalogue, plan, []))
    require_enough(rows, old.n + (benchmark_new.n if benchmark_new else 0))
    counted = {"n_training": rows, "below_policy": count_below_policy(catalogue, plan)}
    return finish_step(world.objects, key, "plan", plan.model_copy(update=counted))


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5, retry_condition_fn=may_pass_later)
def validate_plan(world: World, plan: RetrainPlan) -> None:
    """The suite over the very rows that will be trained on, and no image of a benchmark among them."""
    from data_checks.table.suite import COLUMNS, judge_table

    tell_step("checking", f"{plan.n_training:,} rows to train on")
    catalogue = world.catalogue
    _require_no_leak(world, plan)
    rows = training_rows(world, catalogue, plan, [*COLUMNS, "vouched"])
    # the policy that the rows were chosen by; what a person vouched for is beyond it
    chosen_by = {"min_variance": plan.min_variance, "min_entropy_bits": plan.min_entropy_bits}
    policy = world.settings.input_policy.model_copy(update=chosen_by)
    judged = without_vouched(rows).select(list(COLUMNS)).to_pandas()
    result = judge_table(judged, policy, plan.preprocessing)
    key = f"{DATA.name}:{plan.key}:{result.verdict.phase}"
    DATA.write(world.ledger, plan.key, result.verdict, world.now(), key=key)
    if result.failed_rows or not result.verdict.passed:
        failed = "; ".join(result.failures) or result.verdict.reason
        raise DataRefused(f"catalogue version {plan.catalogue_version} is not fit to train on: {failed}")
    # both again: another run may have held some of the planned rows out since
    require_enough(len(rows), plan.benchmark.n + (plan.benchmark_new.n if plan.benchmark_new else 0))
    mix(mark_new_kind(world, rows, plan), plan)


def _require_same_catalogue(world: World, key: str) -> None:
    """PlanOutdated where this trigger chose its images from the catalogue of another preprocessing."""
    today = world.catalogue.name
    plan = finished_step(world.objects, key, "plan", RetrainPlan)
    chosen = plan or finished_step(world.objects, key, WINDOW_STEP, WindowSelection)
    if chosen is not None and chosen.catalogue != today:
        raise PlanOutdated(
            f"{key} was planned on catalogue {chosen.catalogue or 'of 0.1.0'}; by today's [preprocessing] it is "
            f"{today}: this training ends, the next one begins anew (`latentloop retrain`)"
        )


def _require_no_leak(world: World, plan: RetrainPlan) -> None:
    """No planned row, trained on or watched, in the sets that this very plan is measured on."""
    chosen = selection_of(world, plan)
    planned = {*planned_rows(world, world.catalogue, plan, [])["digest"].to_pylist()}
    planned.update(chosen.early_stopping if chosen is not None else ())
    prefixes = [each.prefix for each in (plan.benchmark, plan.benchmark_new) if each is not None]
    leaked = planned.intersection(digest for prefix in prefixes for digest in benchmark_digests(world.objects, prefix))
    if leaked:
        raise DataRefused(
            f"{len(leaked)} training images belong to a benchmark of this plan as well, the first is {min(leaked)}: "
            "expected 0; remove them from the catalogue"
        )


def _training_sources(world: World, version: int, old: BenchmarkSet, new: BenchmarkSet | None) -> tuple[str, ...]:
    held_out = {*old.sources, *(new.sources if new else ())}
    return tuple(sorted(set(world.catalogue.sources(version)) - held_out))


def _replay_images(world: World, tier: Tier, selection: WindowSelection | None) -> int | None:
    """Older images that are taken at most: a fifth of all, or as many as leave the new kind its share."""
    if tier == "full" or selection is None:
        return None
    if tier == "emergency":
        return world.settings.training.window_images  # and fewer where the rows show that the new kind misses its share
    trained = selection.n - len(selection.holdout)
    return round(trained * REPLAY_SHARE / (1 - REPLAY_SHARE))


def _recipe(world: World, tier: Tier) -> TrainConfig:
    training = world.settings.training
    if tier == "full":
        return training.full
    return training.incremental if tier == "incremental" else training.emergency


def _sees_other_images(world: World, champion: ServedVersion) -> str:
    """In words, where versions of both preprocessings cannot be compared; empty where they can."""
    theirs, ours = world.artifact(champion.artifact, champion.digest).preprocessing, world.settings.preprocessing
    if theirs.same_images(ours):
        return ""
    return (
        f"the champion sees images of {theirs.shape} by {theirs.fit}, these are {ours.shape} (C, H, W) by {ours.fit}: "
        "it counts as a first version"
    )


def _model(world: World, tier: Tier, champion: ServedVersion | None) -> ModelConfig:
    """A warm start keeps the champion's network, whatever the settings say by now."""
    if tier == "full":
        return world.settings.training.model
    assert champion is not None
    return world.artifact(champion.artifact, champion.digest).model_config


def _code_prior(world: World, model: ModelConfig) -> PlannedCodePrior | None:
    grid, wanted = family_of(model).code_grid(model), world.settings.training.code_prior
    return None if grid is None else PlannedCodePrior(config=wanted.config_for(grid), recipe=wanted.recipe)
