"""The season changes: the emergency tier finds the new kind, holds some of it out, and learns the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from data_checks.drift.judge import judge_window
from data_checks.drift.triage import Circumstances, triage
from data_checks.drift.window import Window
from data_checks.new_kind import NewKind, find_new_kind
from data_checks.sample import Sample
from data_checks.verdict import Verdict
from deploy.release import Release, ServedVersion
from deploy.stores import faults
from deploy.stores.artifacts import artifact_prefix, fetch_artifact, put_artifact
from deploy.stores.digests import DigestIndex
from deploy.stores.ledger import Ledger
from deploy.stores.release import ReleaseStore
from tasks.claim import claim_trigger
from tasks.context import engine, forget, now, objects, settings
from tasks.errors import DataRefused, NoChampion, NotEnoughData, SnapshotMissing
from tasks.evaluate import _for_reference, evaluate_candidate, reference_images
from tasks.gate import judge_candidate
from tasks.images import benchmark_digests, decode_rows, read_benchmark, selection_of
from tasks.mixing import mark_new_kind
from tasks.new_kind import score_rows
from tasks.plan import name_trigger, plan_retrain, require_snapshot, validate_plan
from tasks.register import register_candidate
from tasks.rows import early_stopping_rows, fix_rows, in_window, planned_rows, training_rows
from tasks.steps import finished_step
from tasks.traffic import free_rows, traffic_among
from tasks.train import train_candidate
from tasks.values import Evaluated, Judged, RetrainPlan, Trained
from tests.tasks.arrivals import ingest
from tests.tasks.season import (
    MIN_NEW,
    MIN_WATCHED,
    SERVED_SINCE,
    arrive_known,
    capture_images,
    capture_traffic,
    copy_home,
    is_new,
    known_images,
    new_images,
    serve,
    settled,
    ship,
    sliding_images,
)
from tests.tasks.test_model_card import PLAN
from vae_core.artifact import Artifact, write_artifact
from vae_core.inference import score_images
from vae_core.weights import encoder_digest

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


@pytest.fixture(scope="module")
def first_champion(tmp_path_factory: pytest.TempPathFactory, mlflow_url: str) -> Path:
    """An installation whose champion was trained by the full tier on the known kind, and served some traffic."""
    home = tmp_path_factory.mktemp("season") / "first"
    with settled(home, mlflow_url):
        arrive_known()
        ingest()
        plan = plan_retrain.fn("first", "full", "first")
        evaluated = evaluate_candidate.fn(plan, train_candidate.fn(plan))
        serve(evaluated.digest, evaluated.artifact)
        capture_traffic(known=300, new=0, seed=100, day=0)
        ingest()
    return home


@pytest.fixture
def home(first_champion: Path, tmp_path: Path, mlflow_url: str) -> Iterator[Path]:
    """The same installation, for one test."""
    with settled(copy_home(first_champion, tmp_path / "copy"), mlflow_url):
        yield tmp_path / "copy"


def _season(day: int = 1, known: int = 630, new: int = 270) -> None:
    capture_traffic(known=known, new=new, seed=1_000 * day, day=day)
    ingest()


def _plan(key: str = "drift-1") -> RetrainPlan:
    return plan_retrain.fn(key, "emergency", "drift: sandals", "by hand")


def test_the_story_of_an_emergency(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_DRIFT__KIND_IMAGE_SHIFT", "12")  # stripes are much brighter than boxes
    forget()
    _season()
    objects().put("snapshots/snap-1/snapshot.json", b"{}")
    require_snapshot.fn("drift-1", "drift", "snap-1")
    plan = plan_retrain.fn("drift-1", "emergency", "drift", "drift", "snap-1")
    validate_plan.fn(plan)

    trained_on = training_rows(settings().open_catalogue(), plan, ["image"])
    watched = early_stopping_rows(settings().open_catalogue(), plan, ["digest"])["digest"].to_pylist()
    assert plan.benchmark_new is not None and plan.found is not None
    held_out = benchmark_digests(objects(), plan.benchmark_new.prefix)
    digests = set(trained_on["digest"].to_pylist())
    assert len(digests) == plan.n_training
    assert not digests & {*held_out, *benchmark_digests(objects(), plan.benchmark.prefix), *watched}
    assert not set(held_out) & set(watched)
    assert DigestIndex(engine()).protected(held_out) == set(held_out)
    assert len(watched) >= MIN_WATCHED

    truth = is_new(read_benchmark(objects(), plan.benchmark_new, 10_000))
    assert truth.mean() == pytest.approx(0.3, abs=0.1), "the hold-out has the natural mix of 30 %"
    assert plan.benchmark_new.n_new_kind == pytest.approx(truth.sum(), rel=0.1)

    trained = train_candidate.fn(plan)
    assert trained.mixing is not None
    assert (trained.n_images, trained.excluded) == (plan.n_training, 0)
    assert trained.mixing.new_share >= 0.2
    assert trained.mixing.new_images >= MIN_NEW
    drawn_new = is_new(decode_rows(trained_on["image"], plan.preprocessing)).sum()
    assert trained.mixing.new_images == pytest.approx(drawn_new, rel=0.1)
    assert trained.best_step is not None and trained.best_step > 0

    evaluated = evaluate_candidate.fn(plan, trained)
    verdict = judge_candidate.fn(plan, evaluated)
    judged = finished_step(objects(), plan.key, "judged", Judged)
    assert judged is not None and judged.verdict == verdict
    champion = judged.champion
    assert champion is not None and champion.version == "1"
    (on_new,) = [each for each in champion.changes if (each.metric, each.benchmark) == ("recon_error", "new")]
    assert on_new.high < -0.1, "the new kind was learnt"
    assert {each.metric for each in champion.changes} == {"recon_error"}, "250 images are too few for a distance"
    _assert_accepted_on_traffic(evaluated.artifact, evaluated.digest, plan, home)
    _assert_registered(plan, trained, evaluated, verdict)


def _assert_accepted_on_traffic(prefix: str, digest: str, plan: RetrainPlan, home: Path) -> None:
    artifact = fetch_artifact(objects(), prefix, digest, home / "fetched")
    assert plan.benchmark_new is not None and plan.champion is not None
    assert artifact.reference is not None and len(artifact.reference) == plan.benchmark_new.n
    assert (artifact.summary.tier, artifact.summary.parent_digest) == ("emergency", plan.champion.digest)
    assert artifact.prior is not None


def _assert_registered(plan: RetrainPlan, trained: Trained, evaluated: Evaluated, verdict: Verdict) -> None:
    claimed = claim_trigger.fn(plan.key, "retrain-emergency", "drift")
    registered = register_candidate.fn(plan, trained, evaluated, verdict, claimed)
    version = settings().open_registry().version(registered.version)
    expected = {"tier": "emergency", "parent_version": "1", "snapshot": "snap-1", "approval": "pending"}
    assert {name: version.tags[name] for name in expected} == expected
    client = MlflowClient(settings().mlflow_url)
    card = client.get_model_version(settings().product, registered.version).description
    assert "snapshots/snap-1/report.html" in card
    assert "new_kind.png" in card and "n too small" in card
    assert "New kind, found without labels" in card
    assert "| recon_error on benchmark_new" in card and "| recon_error on benchmark_old" in card


def test_a_plan_that_is_killed_at_any_write_ends_as_one_plan_with_one_benchmark(home: Path) -> None:
    """More traffic comes between the kills; what was selected before the first of them stands."""

    class Killed(BaseException):
        pass

    _season()
    written = 0

    def kill_at(number: int) -> faults.Hook:
        def hook(name: str, moment: faults.Moment) -> None:
            nonlocal written
            written += 1
            if written == number:
                raise Killed(f"{name}:{moment}")

        return hook

    kills = 0
    while True:
        written = 0
        try:
            with faults.installed(kill_at(kills + 1)):
                plan = _plan()
            break
        except Killed:
            kills += 1
            if kills == 8:
                _season(day=2, known=300, new=100)
    assert kills >= 10, "the plan writes a selection, a benchmark, its protection, a ledger line and itself"
    assert plan == _plan()
    assert len(Ledger(engine()).entries("benchmark", "new")) == 1
    assert len({key.split("/")[1] for key in objects().keys("benchmarks/new-")}) == 1
    assert plan.benchmark_new is not None
    assert plan.held_back == (plan.benchmark_new.prefix,)


def test_the_next_emergency_trains_on_no_image_of_an_older_benchmark(home: Path) -> None:
    _season()
    first = _plan()
    _season(day=2)
    second = _plan("drift-2")
    assert first.benchmark_new is not None and second.benchmark_new is not None
    before = benchmark_digests(objects(), first.benchmark_new.prefix)
    rows = training_rows(settings().open_catalogue(), second, [])["digest"].to_pylist()
    assert not set(before) & set(rows)
    assert not set(before) & set(benchmark_digests(objects(), second.benchmark_new.prefix))
    validate_plan.fn(second)


def test_too_few_new_images_are_one_line_with_both_numbers(home: Path) -> None:
    _season(known=400, new=90)
    with pytest.raises(NotEnoughData, match=r"^\d+ images of a new kind .*: expected at least 118, .*15% held out"):
        _plan()
    assert Ledger(engine()).entries("benchmark", "new") == [], "nothing is held back that could be trained on later"


def test_the_hold_out_grows_until_the_reference_that_it_becomes_can_be_judged_against(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _season()
    monkeypatch.setenv("LATENTLOOP_DRIFT__MIN_REFERENCE", "400")
    settings.cache_clear()
    plan = _plan()
    assert plan.benchmark_new is not None and plan.benchmark_new.n >= 400
    _, new = _for_reference(plan)
    assert new is not None and len(new) >= 400, "though a benchmark of 250 images is evaluated"
    assert mark_new_kind(training_rows(settings().open_catalogue(), plan, []), plan).sum() >= MIN_NEW


def test_a_hold_out_too_small_for_a_reference_is_one_line_before_anything_is_cut(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _season()
    monkeypatch.setenv("LATENTLOOP_DRIFT__MIN_REFERENCE", "1000")
    settings.cache_clear()
    with pytest.raises(NotEnoughData, match=r"^no hold-out of at least 1000 images, .*at least 1000 images, came \d+"):
        _plan()
    assert Ledger(engine()).entries("benchmark", "new") == []


def test_a_run_whose_rows_another_one_held_out_meanwhile_trains_on_the_others(home: Path) -> None:
    _season(known=1_260, new=540)
    mine, theirs = _plan("mine"), _plan("theirs")
    assert theirs.benchmark_new is not None
    held_out = set(benchmark_digests(objects(), theirs.benchmark_new.prefix))
    catalogue = settings().open_catalogue()
    assert held_out & set(planned_rows(catalogue, mine, [])["digest"].to_pylist()), "there is something to leave out"

    validate_plan.fn(mine)
    rows = training_rows(catalogue, mine, [])
    excluded = fix_rows(catalogue, mine)
    watched = early_stopping_rows(catalogue, mine, [])["digest"].to_pylist()
    assert held_out.isdisjoint({*rows["digest"].to_pylist(), *watched})
    assert 0 < len(excluded.digests) <= len(held_out) and len(rows) < mine.n_training
    validate_plan.fn(theirs)


def test_a_folder_whose_times_fall_inside_the_window_is_replayed_and_bounded_like_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae_core.training.mixing.MAX_OVERSAMPLING", 2.0)  # so that 1,500 images are too many
    capture_traffic(known=630, new=270, seed=1_000, day=1)
    ship("supplier-late", known_images(1_500, seed=77), SERVED_SINCE + timedelta(days=1, seconds=800))
    ingest()
    plan = _plan()
    rows = training_rows(settings().open_catalogue(), plan, [])
    inside, new = in_window(rows, plan), mark_new_kind(rows, plan)
    late = np.array([source == "supplier-late" for source in rows["source"].to_pylist()])
    assert late.any() and not (late & inside).any()
    assert 2.0 * new.sum() / len(rows) >= 0.2, "drawn twice each, a fifth of what is drawn is new"


def test_the_verdict_and_the_champion_beside_it_are_one_step_whoever_is_promoted_meanwhile(home: Path) -> None:
    class Killed(BaseException):
        pass

    def hook(name: str, moment: faults.Moment) -> None:
        if name == "ledger.record":
            raise Killed

    plan = finished_step(objects(), "first", "plan", RetrainPlan)
    evaluated = finished_step(objects(), "first", "evaluated", Evaluated)
    assert plan is not None and evaluated is not None
    with faults.installed(hook), pytest.raises(Killed):
        judge_candidate.fn(plan, evaluated)
    _promote_a_worse_one(evaluated, home)

    verdict = judge_candidate.fn(plan, evaluated)
    afterwards = judge_candidate.fn(plan.model_copy(update={"key": "later"}), evaluated)

    judged = finished_step(objects(), plan.key, "judged", Judged)
    assert judged is not None and judged.champion is not None
    assert (judged.champion.version, judged.verdict) == ("1", verdict)
    assert all(each.value == pytest.approx(0) for each in judged.champion.changes if each.metric == "recon_error")
    assert afterwards != verdict, "against the other champion it would have been another"
    (line,) = Ledger(engine()).entries("gate", plan.key)
    assert Verdict.model_validate_json(line.body) == verdict


def _promote_a_worse_one(evaluated: Evaluated, home: Path) -> None:
    import torch

    artifact = fetch_artifact(objects(), evaluated.artifact, evaluated.digest, home / "worse-from")
    with torch.no_grad():
        for each in artifact.model.parameters():
            each.mul_(0.9)
    digest = write_artifact(home / "worse", artifact)
    put_artifact(objects(), home / "worse", artifact_prefix(digest))
    champion = ServedVersion(version="2", digest=digest, artifact=artifact_prefix(digest))
    store = ReleaseStore(engine())
    store.compare_and_swap(store.read().epoch, Release(champion=champion, changed_at=now(), reason="test"))


def test_what_may_be_a_broken_sensors_is_learnt_only_where_a_person_asks(home: Path) -> None:
    _season()  # stripes are much brighter than boxes
    with pytest.raises(DataRefused, match=r"^emergency: the newest .* may be a broken sensor's, .* by hand$"):
        plan_retrain.fn("drift-1", "emergency", "drift: stripes", "drift", "a-snapshot")
    assert _plan("by-hand-1").found is not None


def test_traffic_of_known_kinds_is_no_emergency(home: Path) -> None:
    with pytest.raises(NotEnoughData, match=r"^0 images of a new kind among the newest 300 captured"):
        _plan()


def test_where_no_cluster_can_be_named_the_newest_traffic_as_a_whole_is_learnt(home: Path) -> None:
    capture_images(sliding_images(900, seed=1_000), day=1)
    ingest()
    assert _named_and_decided(home) == ({None}, "emergency"), "triage asks for what no cluster explains"

    plan = _plan("drift-whole")
    validate_plan.fn(plan)
    chosen, rows = selection_of(plan), training_rows(settings().open_catalogue(), plan, [])
    assert chosen is not None and chosen.began is not None and plan.found is not None
    assert plan.found.is_whole_window and (plan.found.n, plan.found.share) == (800, 1.0)
    assert chosen.began > SERVED_SINCE + timedelta(days=1), "images from before the shift would only dilute it"
    assert plan.benchmark_new is not None and plan.benchmark_new.n == plan.benchmark_new.n_new_kind == 200
    assert set(chosen.new_kind) >= {*chosen.holdout, *chosen.early_stopping}
    assert len(chosen.early_stopping) == 60
    assert mark_new_kind(rows, plan).sum() == 800 - 200 - 60
    assert (~in_window(rows, plan)).sum() >= 1_000, "older ones are replayed"

    trained = train_candidate.fn(plan)
    assert trained.mixing is not None and 0.2 <= trained.mixing.new_share <= 0.5
    evaluated = evaluate_candidate.fn(plan, trained)
    verdict = judge_candidate.fn(plan, evaluated)
    judged = finished_step(objects(), plan.key, "judged", Judged)
    assert judged is not None and judged.champion is not None and verdict.passed, verdict.reason
    (on_new,) = [each for each in judged.champion.changes if each.benchmark == "new"]
    assert (on_new.metric, on_new.n) == ("recon_error", 200)
    assert on_new.high < -0.1, "what slid was learnt"
    claimed = claim_trigger.fn(plan.key, "retrain-emergency", "drift")
    registered = register_candidate.fn(plan, trained, evaluated, verdict, claimed)
    assert settings().open_registry().version(registered.version).tags["tier"] == "emergency"
    card = MlflowClient(settings().mlflow_url).get_model_version(settings().product, registered.version).description
    assert "no cluster could be named, so the newest 800 images of the traffic as a whole take its place" in card


def _named_and_decided(home: Path) -> tuple[set[NewKind | None], str]:
    """What is found in all stretches of the captured traffic, and what triage says of the newest window."""
    release = ReleaseStore(engine()).read()
    assert release.champion is not None
    artifact = fetch_artifact(objects(), release.champion.artifact, release.champion.digest, home / "champion")
    version = settings().open_catalogue().version()
    captured = score_rows(traffic_among(free_rows(version, (), ()), version, artifact), version, artifact)
    assert artifact.reference is not None and len(captured) == 1_200
    reference, found = Sample.of(artifact.reference), set()
    for size in (447, 894, 1_200):
        newest = captured.take(slice(len(captured) - size, None))
        found.add(find_new_kind(newest, reference, settings().new_kind, seed=0))
    window = captured.take(slice(300, None))
    judgement = judge_window(Window(window, {}, len(window)), reference, settings().drift)
    return found, triage(judgement, Circumstances(None, None, False, None), settings().drift).action


def test_what_a_supplier_sent_is_no_traffic(home: Path) -> None:
    ship("supplier-new", new_images(270, seed=9))
    ingest()
    with pytest.raises(NotEnoughData, match=r"^0 images of a new kind among the newest 300 captured"):
        _plan()


def test_the_incremental_tier_moves_the_decoder_alone(home: Path) -> None:
    capture_traffic(known=300, new=0, seed=7_000, day=3)
    ingest()
    plan = plan_retrain.fn("weekly", "incremental", "weekly")
    trained = train_candidate.fn(plan)

    assert plan.champion is not None and plan.benchmark_new is not None
    parent = fetch_artifact(objects(), plan.champion.artifact, plan.champion.digest, home / "parent")
    candidate = fetch_artifact(objects(), trained.prefix, trained.digest, home / "candidate")
    assert encoder_digest(candidate.model) == encoder_digest(parent.model) == candidate.summary.encoder_digest
    pixels = read_benchmark(objects(), plan.benchmark, 50)
    assert not np.array_equal(_decoded(parent, pixels), _decoded(candidate, pixels))
    assert plan.benchmark_new.n == 150, "a quarter of the 600 images of traffic"
    assert trained.mixing is None, "a window of known kinds is drawn as it came"


@pytest.mark.parametrize(
    ("tier", "new", "expected", "words"),
    [
        ("full", None, 250, "250 images of benchmark_old"),
        ("emergency", 300, 300, "300 images of benchmark_new, in the mix of the traffic"),
        ("incremental", 300, 550, "250 images of benchmark_old and 300 of benchmark_new"),
        ("incremental", 1_000, 1_000, "1,000 images of benchmark_new, in the mix of the traffic"),
    ],
)
def test_a_version_is_accepted_on_images_like_those_that_it_will_meet(
    tier: str, new: int | None, expected: int, words: str
) -> None:
    old = np.zeros((250, 1, 2, 2), np.uint8)
    fresh = None if new is None else np.ones((new, 1, 2, 2), np.uint8)
    images, said = reference_images(PLAN.model_copy(update={"tier": tier}), old, fresh)
    assert (len(images), said) == (expected, words)


def _decoded(artifact: Artifact, pixels: np.ndarray) -> np.ndarray:
    return score_images(artifact.model, pixels).reconstruction


@pytest.mark.parametrize(
    ("cause", "snapshot"), [("drift", None), ("drift", ""), ("drift", "gone"), ("by hand", "../x")]
)
def test_a_retraining_for_drift_without_its_stored_snapshot_is_refused_on_record(
    home: Path, cause: str, snapshot: str | None
) -> None:
    with pytest.raises(SnapshotMissing, match=r"^drift-9: .*expects its Evidently snapshot at snapshots/.*found none"):
        require_snapshot.fn("drift-9", cause, snapshot)
    (line,) = Ledger(engine()).entries("retrain-refused", "drift-9")
    assert "Evidently snapshot" in json.loads(line.body)["reason"]


@pytest.mark.parametrize("cause", ["schedule", "by hand"])
def test_a_retraining_that_nobody_calls_drift_needs_no_snapshot(home: Path, cause: str) -> None:
    require_snapshot.fn("weekly", cause, None)
    assert Ledger(engine()).entries("retrain-refused") == []


@pytest.mark.parametrize("tier", ["incremental", "emergency"])
def test_without_a_champion_these_tiers_say_what_to_run_first(tmp_path: Path, mlflow_url: str, tier: str) -> None:
    with (
        settled(tmp_path / "fresh", mlflow_url),
        pytest.raises(NoChampion, match=rf"^{tier}: expected a champion .*run the full tier first$"),
    ):
        plan_retrain.fn("one", tier, "by hand", "by hand")


def test_the_same_drift_has_one_key_and_a_given_key_wins() -> None:
    assert name_trigger(None, "retrain-emergency", "snap-1") == "drift-retrain-emergency-snap-1"
    assert name_trigger("mine", "retrain-emergency", "snap-1") == "mine"
