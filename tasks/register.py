"""Registration as a task: the candidate becomes a version that a person can approve, exactly once per trigger."""

from __future__ import annotations

import tempfile
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_checks.intake.decoders import Decoders
from data_checks.shown_text import shorten
from data_checks.verdict import Verdict
from deploy.wiring import World
from tasks.card.cut import cut_card
from tasks.card.labels import label_rows
from tasks.card.model_card import Beside, write_model_card
from tasks.gate import JUDGED_STEP
from tasks.label_errors import LABELS_STEP
from tasks.label_values import LabelFigures, LabelsChecked
from tasks.run.progress import tell_step
from tasks.run.steps import finish_step, finished_step
from tasks.run.tracking import name_run
from tasks.scoring.label_figures import FIGURES_STEP
from tasks.values import Claimed, Evaluated, Judged, Registered, RetrainPlan, Trained

if TYPE_CHECKING:
    from vae_core.evaluation.benchmark_result import BenchmarkResult

AT_RISK = "architecture_at_risk"
CARD_FILE = "card.md"
LONGEST_TAG = 500  # characters: MLflow shows a tag in one cell of a table


@task(cache_policy=NO_CACHE, retries=3, retry_delay_seconds=[2, 10, 30])
def register_candidate(
    world: World, plan: RetrainPlan, trained: Trained, evaluated: Evaluated, verdict: Verdict, claimed: Claimed
) -> Registered:
    """Run, model and version in MLflow; every part is found again by the trigger when this is repeated."""
    if (kept := finished_step(world.objects, plan.key, "registered", Registered)) is not None:
        return kept
    from deploy.record.registered import RegisteredLine, record_registered
    from deploy.record.registries import note_registry
    from deploy.stores.mlflow.limits import DESCRIPTION, fit_characters
    from deploy.stores.mlflow.registry import CurvePoint
    from deploy.stores.objects.artifacts import fetch_artifact

    tell_step("registering", "the model in MLflow")
    registry = world.registry
    registry.ensure_model()
    note_registry(world.ledger, registry, world.now())
    result = _result(world, evaluated.benchmark)
    run_id = registry.ensure_run(plan.key, name_run(world, plan), {"tier": plan.tier})
    if (created := registry.find_by_trigger(plan.key)) is None:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            fetch_artifact(world.objects, evaluated.artifact, evaluated.digest, folder / "artifact")
            # metrics after the model: logged before it, the logged-model page would disagree with the run
            model_uri = registry.log_model(run_id, folder / "artifact", plan.preprocessing.shape)
            registry.log_curve(
                run_id,
                [CurvePoint(name, value, trained.steps) for name, value in result.metrics().items()],
                world.now(),
            )
            pictures = _fetch_pictures(world, evaluated, folder / "pictures")
            for name, key in {"benchmark": evaluated.benchmark, "benchmark_new": evaluated.benchmark_new}.items():
                if key is not None:
                    (folder / "pictures" / f"{name}.json").write_bytes(world.objects.get(key).data)
            tell_step("registering", "the model card in MLflow")
            beside = _beside(world, plan, evaluated, trained)
            card = fit_characters(
                write_model_card(
                    plan,
                    trained,
                    result,
                    verdict,
                    run_id,
                    pictures,
                    beside,
                    evaluated.code_nats,
                    evaluated.sight,
                    _labels(world, plan, run_id),
                )
            )
            (folder / "pictures" / CARD_FILE).write_text(card, "utf-8")
            registry.log_files(run_id, folder / "pictures")
        # a process that lost its lease must not register: somebody else carries this trigger on
        world.ledger.renew(claimed.key, claimed.owner, world.now())
        created = registry.create_version(
            model_uri=model_uri,
            run_id=run_id,
            trigger=plan.key,
            tags={
                "tier": plan.tier,
                "dataset_version": plan.dataset_version,
                "code_version": package_version("latentloop"),
                "decoders": shorten(Decoders.now().describe(), LONGEST_TAG),
                "model_digest": evaluated.digest,
                "parent_version": plan.champion.version if plan.champion else "",
                "benchmark": "passed" if verdict.passed else "failed",
                "reason": shorten(verdict.reason, LONGEST_TAG),
                "snapshot": plan.snapshot or "",
                "delivery": "",
                **_risk(trained),
            },
            description=cut_card(card, registry.run_file_link(run_id, CARD_FILE), limit=DESCRIPTION),
        )
        registry.finish_run(run_id)
    registered = Registered(
        version=created.version,
        url=registry.version_url(created.version),
        digest=evaluated.digest,
        benchmark="passed" if verdict.passed else "failed",
        reason=verdict.reason,
    )
    line = RegisteredLine(digest=evaluated.digest, benchmark=registered.benchmark, reason=verdict.reason)
    record_registered(world.ledger, created.version, line, plan.key, world.now())
    if created.tags.get("delivery") == "refused":  # approved before a run that was killed here had written the line
        registry.set_tag(created.version, "delivery", "")
    return finish_step(world.objects, plan.key, "registered", registered)


def _labels(world: World, plan: RetrainPlan, run_id: str) -> list[str]:
    """What the card says of the images' labels."""
    checked = finished_step(world.objects, plan.key, LABELS_STEP, LabelsChecked)
    figures = finished_step(world.objects, plan.key, FIGURES_STEP, LabelFigures)
    return label_rows(checked, figures, run_id)


def _risk(trained: Trained) -> dict[str, str]:
    """What an early warning said of the architecture, where one was given: it starts nothing, a person may read it."""
    said = [each.detail for each in trained.events if each.kind == AT_RISK]
    return {AT_RISK: shorten(said[-1], LONGEST_TAG)} if said else {}


def _result(world: World, key: str) -> BenchmarkResult:
    from vae_core.evaluation.benchmark_result import BenchmarkResult

    return BenchmarkResult.model_validate_json(world.objects.get(key).data)


def _beside(world: World, plan: RetrainPlan, evaluated: Evaluated, trained: Trained) -> Beside | None:
    """The champion's measurements for the card's table; None for a first version."""
    judged = finished_step(world.objects, plan.key, JUDGED_STEP, Judged)
    if judged is None or (champion := judged.champion) is None:
        return None
    return Beside(
        version=champion.version,
        old=_result(world, champion.benchmark),
        new=_result(world, champion.benchmark_new) if champion.benchmark_new else None,
        candidate_new=_result(world, evaluated.benchmark_new) if evaluated.benchmark_new else None,
        changes=champion.changes,
        reference=evaluated.reference,
        encoders=_encoders(world, plan, trained),
    )


def _encoders(world: World, plan: RetrainPlan, trained: Trained) -> tuple[str, str] | None:
    """Digests of the parent's encoder and of the candidate's, where only the decoder was to move."""
    if plan.tier != "incremental" or plan.champion is None:
        return None
    from vae_core.weights import encoder_digest

    parent = world.artifact(plan.champion.artifact, plan.champion.digest)
    candidate = world.artifact(trained.prefix, trained.digest)
    return encoder_digest(parent.model), encoder_digest(candidate.model)


def _fetch_pictures(world: World, evaluated: Evaluated, folder: Path) -> list[str]:
    folder.mkdir()
    names = []
    for key in world.objects.keys(f"{evaluated.pictures}/"):
        name = key.rsplit("/", 1)[-1]
        (folder / name).write_bytes(world.objects.get(key).data)
        names.append(name)
    return names
