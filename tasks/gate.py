"""The gate as a task: fetch the measurements, let the pure judge decide, keep the verdict."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_checks.verdict import Verdict
from deploy.record.verdicts import GATE
from deploy.wiring import World
from tasks.evaluate import put_result
from tasks.run.progress import tell_step
from tasks.run.steps import finish_step, finished_step
from tasks.values import ChampionMeasured, ChangeShown, Evaluated, Judged, RetrainPlan

if TYPE_CHECKING:
    from deploy.delivery.gate import Standing
    from deploy.release import ServedVersion
    from vae_core.evaluation.benchmark_result import BenchmarkResult

JUDGED_STEP = "judged"


@task(cache_policy=NO_CACHE, retries=1, retry_delay_seconds=5)
def judge_candidate(world: World, plan: RetrainPlan, evaluated: Evaluated) -> Verdict:
    """Absolute bars for a first version; against the champion, on the same images and machine, afterwards."""
    judged = finished_step(world.objects, plan.key, JUDGED_STEP, Judged)
    if judged is None:
        judged = finish_step(world.objects, plan.key, JUDGED_STEP, _judge(world, plan, evaluated))

    GATE.write(world.ledger, plan.key, judged.verdict, world.now(), key=f"{GATE.name}:{plan.key}")
    return judged.verdict


def _judge(world: World, plan: RetrainPlan, evaluated: Evaluated) -> Judged:
    import torch

    from deploy.delivery import gate
    from vae_core.evaluation.benchmark_result import BenchmarkResult

    torch.set_num_threads(world.settings.training.threads)
    champion = world.releases.read().champion
    if champion is not None:
        return _judge_against(world, plan, evaluated, champion)
    result = BenchmarkResult.model_validate_json(world.objects.get(evaluated.benchmark).data)
    return Judged(verdict=gate.judge_first_version(_standing(result), world.settings.gate))


def _standing(result: BenchmarkResult) -> Standing:
    from deploy.delivery.gate import Standing

    small, samples = result.fd_reconstructions.n_too_small, result.fd_samples
    return Standing(
        explained_variance=result.explained_variance,
        units=result.family.used_units(result),
        frechet_over_floor=None if small or samples is None else samples.value / result.fd_floor.value,
    )


def _judge_against(world: World, plan: RetrainPlan, evaluated: Evaluated, champion: ServedVersion) -> Judged:
    from deploy.delivery import gate
    from tasks.scoring.compare import compare_versions

    tell_step("comparing", f"with version {champion.version}, on the same images")
    compared = compare_versions(world, plan, evaluated, champion)
    # named by its digest: a judge who was overtaken by a promotion must not change the files of the one who won
    name, new = f"champion-{champion.digest[:16]}", compared.champion_new
    shown = ChampionMeasured(
        version=champion.version,
        benchmark=put_result(world, plan, name, compared.champion_old),
        benchmark_new=put_result(world, plan, f"{name}-new", new) if new else None,
        changes=tuple(ChangeShown(**asdict(each)) for each in compared.changes),
    )
    verdict = gate.judge_candidate(
        compared.changes,
        tier=plan.tier,
        units=compared.candidate_old.family.used_units(compared.candidate_old),
        champion_units=compared.champion_old.family.used_units(compared.champion_old),
        policy=world.settings.gate,
        clusters=compared.clusters,
    )
    return Judged(verdict=verdict, champion=shown)
