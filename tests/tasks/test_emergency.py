"""The season changes: the emergency tier finds the new kind, holds some of it out, and learns the rest."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from mlflow import MlflowClient

from data_checks.drift.judge import judge_window
from data_checks.drift.triage import Circumstances, triage
from data_checks.drift.window import Window
from data_checks.intake.decoders import Decoders
from data_checks.kinds.new_kind import NewKind, find_new_kind
from data_checks.sample import Sample
from data_checks.verdict import Verdict
from deploy.stores.objects.artifacts import fetch_artifact
from tasks.claim import claim_trigger, holding
from tasks.dataset.images import benchmark_digests, read_benchmark, selection_of
from tasks.dataset.kinds_known import read_kinds
from tasks.dataset.mixing import mark_new_kind
from tasks.dataset.new_kind import place_by_kinds, read_captured, score_captured
from tasks.dataset.pixels import read_pixels
from tasks.dataset.rows import early_stopping_rows, in_window, training_rows
from tasks.dataset.traffic import free_rows, traffic_among
from tasks.evaluate import evaluate_candidate
from tasks.gate import judge_candidate
from tasks.label_errors import check_labels
from tasks.plan import plan_retrain, require_snapshot, validate_plan
from tasks.register import register_candidate
from tasks.run.progress import heard_by
from tasks.run.steps import finished_step
from tasks.scoring.measure import open_extractor
from tasks.train import train_candidate
from tasks.values import Claimed, Evaluated, Judged, RetrainPlan, Trained
from tests.tasks.arrivals import ingest
from tests.tasks.heard import Heard
from tests.tasks.opened import forget, opened
from tests.tasks.season import (
    MIN_NEW,
    MIN_WATCHED,
    SERVED_SINCE,
    capture_images,
    change_season,
    is_new,
    known_images,
    plan_emergency,
    sliding_images,
)
from vae_core.artifact import Artifact

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


def test_the_story_of_an_emergency(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_DRIFT__KIND_IMAGE_SHIFT", "12")  # stripes are much brighter than boxes
    forget()
    claimed = claim_trigger.fn(opened(), "drift-1", "retrain-emergency", "drift")
    heard = Heard()
    with holding(opened(), claimed), heard_by(heard):
        _the_whole_emergency(claimed, home)
    _assert_it_said_what_it_did(heard)


def _the_whole_emergency(claimed: Claimed, home: Path) -> None:
    change_season()
    opened().objects.put("snapshots/snap-1/snapshot.json", b"{}")
    require_snapshot.fn(opened(), "drift-1", "drift", "snap-1")
    plan = plan_retrain.fn(opened(), "drift-1", "emergency", "drift", "drift", "snap-1")
    validate_plan.fn(opened(), plan)
    check_labels.fn(opened(), plan)

    trained_on = training_rows(opened(), catalogue := opened().catalogue, plan, ["row"])
    watched = early_stopping_rows(opened(), opened().catalogue, plan, ["digest"])["digest"].to_pylist()
    assert plan.benchmark_new is not None and plan.found is not None
    held_out = benchmark_digests(opened().objects, plan.benchmark_new.prefix)
    digests = set(trained_on["digest"].to_pylist())
    assert len(digests) == plan.n_training
    assert not digests & {*held_out, *benchmark_digests(opened().objects, plan.benchmark.prefix), *watched}
    assert not set(held_out) & set(watched)
    assert opened().digests.protected(held_out) == set(held_out)
    assert len(watched) >= MIN_WATCHED

    truth = is_new(read_benchmark(opened().objects, plan.benchmark_new, 10_000))
    assert truth.mean() == pytest.approx(0.3, abs=0.1), "the hold-out has the natural mix of 30 %"
    assert plan.benchmark_new.n_new_kind == pytest.approx(truth.sum(), rel=0.1)

    trained = train_candidate.fn(opened(), plan)
    assert trained.mixing is not None
    assert (trained.n_images, trained.excluded) == (plan.n_training, 0)
    assert trained.mixing.new_share >= 0.2
    assert trained.mixing.new_images >= MIN_NEW
    images = read_pixels(catalogue, plan.catalogue_version, trained_on, plan.preprocessing)
    drawn_new = is_new(images).sum()
    assert trained.mixing.new_images == pytest.approx(drawn_new, rel=0.1)
    assert trained.best_step is not None and trained.best_step > 0

    evaluated = evaluate_candidate.fn(opened(), plan, trained)
    verdict = judge_candidate.fn(opened(), plan, evaluated)
    judged = finished_step(opened().objects, plan.key, "judged", Judged)
    assert judged is not None and judged.verdict == verdict
    champion = judged.champion
    assert champion is not None and champion.version == "1"
    (on_new,) = [each for each in champion.changes if (each.metric, each.benchmark) == ("recon_error", "new")]
    assert on_new.high < -0.1, "the new kind was learnt"
    kernel = {"kid_efflite0", "kid_efflite0_reconstructions"}
    assert {each.metric for each in champion.changes} == {"recon_error", *kernel}, "too few for a Fréchet distance"
    _assert_accepted_on_traffic(evaluated.artifact, evaluated.digest, plan, home)
    _assert_registered(plan, trained, evaluated, verdict, claimed)


def _assert_it_said_what_it_did(heard: Heard) -> None:
    """From the first image to the registry."""
    assert heard.steps == [
        *("ingesting", "planning", "reading", "scoring", "fingerprints", "copies", "features", "looking"),
        *("holding out", "checking", "training", "prior", "evaluating", "measuring", "drawing", "comparing"),
        "registering",
    ]
    counted = {
        found[1]: share for _, share, detail in heard.notes if (found := re.fullmatch("[0-9,]+ of (.+)", detail))
    }
    assert {"1,200 captured images", "1,200 captured images by the version that serves"} <= counted.keys()
    assert set(counted.values()) == {1.0}, "what is counted is counted to its end"


def _assert_accepted_on_traffic(prefix: str, digest: str, plan: RetrainPlan, home: Path) -> None:
    artifact = fetch_artifact(opened().objects, prefix, digest, home / "fetched")
    assert plan.benchmark_new is not None and plan.champion is not None
    assert artifact.reference is not None and len(artifact.reference) == plan.benchmark_new.n
    assert (artifact.summary.tier, artifact.summary.parent_digest) == ("emergency", plan.champion.digest)
    assert artifact.prior is not None
    _assert_its_kinds_are_kept(digest, artifact)


def _assert_its_kinds_are_kept(digest: str, artifact: Artifact) -> None:
    kept = read_kinds(opened(), digest, open_extractor(opened()))
    assert kept is not None and artifact.reference is not None and len(kept.points) == len(artifact.reference)
    pixels = known_images(3, seed=1)[:, None]
    places = place_by_kinds(opened(), pixels, digest)
    assert places is not None and places[0].shape == (3, kept.points.shape[1])
    assert place_by_kinds(opened(), pixels, "0" * 64) is None, (
        "a version of a release that kept none is judged by its codes"
    )


def _assert_registered(
    plan: RetrainPlan, trained: Trained, evaluated: Evaluated, verdict: Verdict, claimed: Claimed
) -> None:
    registered = register_candidate.fn(opened(), plan, trained, evaluated, verdict, claimed)
    version = opened().registry.version(registered.version)
    expected = {"tier": "emergency", "parent_version": "1", "snapshot": "snap-1", "approval": "pending"}
    expected["decoders"] = Decoders.now().describe()
    assert {name: version.tags[name] for name in expected} == expected
    client = MlflowClient(opened().settings.mlflow_url)
    card = client.get_model_version(opened().settings.product, registered.version).description
    assert "snapshots/snap-1/report.html" in card
    assert "new_kind.png" in card and "judges KID, with its 99 % interval" in card
    assert "New kind, found without labels" in card
    assert "| recon_error on benchmark_new" in card and "| recon_error on benchmark_old" in card


def test_where_no_cluster_can_be_named_the_newest_traffic_as_a_whole_is_learnt(home: Path) -> None:
    capture_images(sliding_images(900, seed=1_000), day=1)
    ingest()
    assert _named_and_decided(home) == ({None}, "emergency"), "triage asks for what no cluster explains"

    plan = plan_emergency("drift-whole")
    validate_plan.fn(opened(), plan)
    chosen, rows = selection_of(opened(), plan), training_rows(opened(), opened().catalogue, plan, [])
    assert chosen is not None and chosen.began is not None and plan.found is not None
    assert plan.found.is_whole_window and (plan.found.n, plan.found.share) == (800, 1.0)
    assert chosen.began > SERVED_SINCE + timedelta(days=1), "images from before the shift would only dilute it"
    assert plan.benchmark_new is not None and plan.benchmark_new.n == plan.benchmark_new.n_new_kind == 200
    assert set(chosen.new_kind) >= {*chosen.holdout, *chosen.early_stopping}
    assert len(chosen.early_stopping) == 60
    assert mark_new_kind(opened(), rows, plan).sum() == 800 - 200 - 60
    assert (~in_window(opened(), rows, plan)).sum() >= 1_000, "older ones are replayed"

    trained = train_candidate.fn(opened(), plan)
    assert trained.mixing is not None and 0.2 <= trained.mixing.new_share <= 0.5
    evaluated = evaluate_candidate.fn(opened(), plan, trained)
    verdict = judge_candidate.fn(opened(), plan, evaluated)
    judged = finished_step(opened().objects, plan.key, "judged", Judged)
    assert judged is not None and judged.champion is not None and verdict.passed, verdict.reason
    on_new = next(each for each in judged.champion.changes if each.benchmark == "new")
    assert (on_new.metric, on_new.n) == ("recon_error", 200)
    assert on_new.high < -0.1, "what slid was learnt"
    claimed = claim_trigger.fn(opened(), plan.key, "retrain-emergency", "drift")
    registered = register_candidate.fn(opened(), plan, trained, evaluated, verdict, claimed)
    assert opened().registry.version(registered.version).tags["tier"] == "emergency"
    card = (
        MlflowClient(opened().settings.mlflow_url)
        .get_model_version(opened().settings.product, registered.version)
        .description
    )
    assert "no cluster could be named, so the newest 800 images of the traffic as a whole take its place" in card


def _named_and_decided(home: Path) -> tuple[set[NewKind | None], str]:
    """What is found in all stretches of the captured traffic, and what triage says of the newest window."""
    release = opened().releases.read()
    assert release.champion is not None
    artifact = fetch_artifact(opened().objects, release.champion.artifact, release.champion.digest, home / "champion")
    version = opened().catalogue.version()
    pixels = read_captured(
        opened(), traffic_among(opened(), free_rows(opened(), version, (), ()), artifact), version, artifact
    )
    captured = score_captured(opened(), pixels, artifact)
    assert artifact.reference is not None and len(captured) == 1_200
    reference, found = Sample.of(artifact.reference), set()
    for size in (447, 894, 1_200):
        newest = captured.take(slice(len(captured) - size, None))
        found.add(find_new_kind(newest, reference, opened().settings.new_kind, seed=0))
    window = captured.take(slice(300, None))
    judgement = judge_window(Window(window, {}, len(window)), reference, opened().settings.drift)
    return found, triage(judgement, Circumstances(None, None, False, None), opened().settings.drift).action
