"""Ledger lines of trainings that were not begun, and of the work that schedules share."""

from __future__ import annotations

from operator import attrgetter

from pydantic import BaseModel, ConfigDict, Field

from deploy.record.kind import Kind

_LINE = ConfigDict(frozen=True, extra="forbid")


class NotBegun(BaseModel):
    """Why a trigger trained nothing."""

    model_config = _LINE

    reason: str


class WorkTaken(BaseModel):
    """The trigger that took a piece of work, and which one after those that died it is."""

    model_config = _LINE

    trigger: str
    number: int = Field(ge=1)


def _say_taken(taken: WorkTaken) -> str:
    return f"taken by {taken.trigger}"


RETRAIN_REFUSED = Kind("retrain-refused", NotBegun, say=attrgetter("reason"))
RETRAIN_SKIPPED = Kind("retrain-skipped", NotBegun, say=attrgetter("reason"))
SCHEDULED_WORK = Kind("scheduled-work", WorkTaken, say=_say_taken)
"""About the work: tier, catalogue version, recipe and, where it starts from one, the champion."""
