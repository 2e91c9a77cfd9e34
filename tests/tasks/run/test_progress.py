"""A run says what it does from its first image to its last file, whoever watches; outside of a run nobody hears it."""

from __future__ import annotations

import pytest

from deploy.stores.errors import ObjectMissing
from tasks.claim import claim_trigger, finish_trigger, holding
from tasks.run.progress import ProgressNote, counting, progress_key, tell_step
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened


def _stands(key: str) -> ProgressNote:
    return ProgressNote.model_validate_json(opened().objects.get(progress_key(key)).data)


def test_what_is_told_while_a_trigger_is_held_is_its_progress(configure: Configure) -> None:
    claimed = claim_trigger.fn(opened(), "by-hand-1", "retrain-full", "by hand")
    tell_step("planning", "before")
    with pytest.raises(ObjectMissing):
        _stands("by-hand-1")
    with holding(opened(), claimed):
        tell_step("planning", "the full tier")
        assert _stands("by-hand-1") == ProgressNote(step="planning", share_done=0.0, detail="the full tier")
        counting("reading", "images", 400)(100)
        assert _stands("by-hand-1").detail == "0 of 400 images", "the same part is said again after two seconds"
        counting("reading", "images of nothing", 0)
        assert _stands("by-hand-1") == ProgressNote(step="reading", share_done=0.0, detail="0 of 0 images of nothing")
    tell_step("planning", "after")
    assert _stands("by-hand-1").step == "reading"


def test_a_trigger_whose_key_no_store_takes_does_its_work_unheard(configure: Configure) -> None:
    claimed = claim_trigger.fn(opened(), "of the camera / 3", "ingest", "by hand")
    with holding(opened(), claimed):
        tell_step("ingesting", "images")
        finish_trigger.fn(opened(), claimed, "done")
