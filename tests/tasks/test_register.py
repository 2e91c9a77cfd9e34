"""What of a training becomes a tag of its version."""

from __future__ import annotations

from tasks.register import AT_RISK, _risk
from tasks.values import TrainingEvent
from tests.tasks.card.test_model_card import TRAINED


def test_an_architecture_at_risk_is_a_tag_with_what_was_seen_and_other_events_are_none() -> None:
    unused = TrainingEvent(kind="codes_unused", step=400, detail="200 of 512 codes used")
    twin = TrainingEvent(kind="architecture_at_risk", step=300, detail="its twin collapsed at step 300")
    assert _risk(TRAINED.model_copy(update={"events": (unused, twin)})) == {AT_RISK: "its twin collapsed at step 300"}
    assert _risk(TRAINED.model_copy(update={"events": (unused,)})) == {} == _risk(TRAINED)
