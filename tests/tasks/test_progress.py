"""A run says what it does from its first image to its last file, whoever watches; outside of a run nobody hears it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.stores.captures import CaptureStore
from deploy.stores.errors import ObjectMissing
from tasks import ingest as ingesting
from tasks.claim import claim_trigger, finish_trigger, holding
from tasks.context import objects
from tasks.evaluate import evaluate_candidate
from tasks.gate import judge_candidate
from tasks.ingest import find_new_segments, ingest_segments
from tasks.label_errors import check_labels
from tasks.plan import plan_retrain, validate_plan
from tasks.progress import ProgressNote, ProgressWriter, counting, progress_key, tell_step
from tasks.register import register_candidate
from tasks.train import train_candidate
from tests.tasks.conftest import Configure
from tests.tasks.season import capture_images, capture_traffic, known_images

Noted = list[tuple[str, float, str]]


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Noted:
    """All notes of a run, also those that come faster than they are written."""
    heard: Noted = []
    write = ProgressWriter.note

    def note(writer: ProgressWriter, step: str, share_done: float, detail: str, part: str = "") -> None:
        heard.append((step, share_done, detail))
        write(writer, step, share_done, detail, part)

    monkeypatch.setattr(ProgressWriter, "note", note)
    return heard


def _stands(key: str) -> ProgressNote:
    return ProgressNote.model_validate_json(objects().get(progress_key(key)).data)


def test_what_is_told_while_a_trigger_is_held_is_its_progress(configure: Configure) -> None:
    claimed = claim_trigger.fn("by-hand-1", "retrain-full", "by hand")
    tell_step("planning", "before")
    with pytest.raises(ObjectMissing):
        _stands("by-hand-1")
    with holding(claimed):
        tell_step("planning", "the full tier")
        assert _stands("by-hand-1") == ProgressNote(step="planning", share_done=0.0, detail="the full tier")
        counting("reading", "images", 400)(100)
        assert _stands("by-hand-1").detail == "0 of 400 images", "the same part is said again after two seconds"
        counting("reading", "images of nothing", 0)
        assert _stands("by-hand-1") == ProgressNote(step="reading", share_done=0.0, detail="0 of 0 images of nothing")
    tell_step("planning", "after")
    assert _stands("by-hand-1").step == "reading"


def test_a_trigger_whose_key_no_store_takes_does_its_work_unheard(configure: Configure) -> None:
    claimed = claim_trigger.fn("of the camera / 3", "ingest", "by hand")
    with holding(claimed):
        tell_step("ingesting", "images")
        finish_trigger.fn(claimed, "done")


def test_an_ingest_counts_the_segments_of_all_its_chunks(
    configure: Configure, noted: Noted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingesting, "SEGMENTS_AT_ONCE", 2)
    for day in range(5):
        capture_images(known_images(3, seed=day), day=day)
    assert len(CaptureStore(objects()).segments()) == 5
    with holding(claim_trigger.fn("an-ingest", "ingest", "by hand")):
        chunks = find_new_segments.fn()
        for chunk in chunks:
            ingest_segments.fn(chunk, chunks)
    told = [detail for step, _, detail in noted if step == "ingesting"]
    assert list(dict.fromkeys(told)) == [f"{done} of 5 segments" for done in (0, 2, 4, 5)]


@pytest.mark.server
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")  # mlflow of its own types
@pytest.mark.filterwarnings("ignore:.*An input example was not provided")
def test_an_emergency_says_what_it_does_from_the_first_image_to_the_registry(home: Path, noted: Noted) -> None:
    capture_traffic(known=630, new=270, seed=1_000, day=1)
    claimed = claim_trigger.fn("by-hand-1", "retrain-emergency", "by hand")
    with holding(claimed):
        chunks = find_new_segments.fn()
        for chunk in chunks:
            ingest_segments.fn(chunk, chunks)
        plan = plan_retrain.fn(claimed.key, "emergency", "by hand", "by hand")
        validate_plan.fn(plan)
        check_labels.fn(plan)
        trained = train_candidate.fn(plan)
        evaluated = evaluate_candidate.fn(plan, trained)
        verdict = judge_candidate.fn(plan, evaluated)
        register_candidate.fn(plan, trained, evaluated, verdict, claimed)

    assert list(dict.fromkeys(step for step, _, _ in noted)) == [
        *("ingesting", "planning", "reading", "scoring", "fingerprints", "copies", "features", "looking"),
        *("holding out", "checking", "training", "prior", "evaluating", "measuring", "drawing", "comparing"),
        "registering",
    ]
    counted = {found[1]: share for _, share, detail in noted if (found := re.fullmatch("[0-9,]+ of (.+)", detail))}
    assert {"1,200 captured images", "1,200 captured images by the version that serves"} <= counted.keys()
    assert set(counted.values()) == {1.0}, "what is counted is counted to its end"
