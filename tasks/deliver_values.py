"""What passes between the steps of the deliver flow."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict

from deploy.release import ServedVersion


class MeasurementPlan(BaseModel):
    """Which two versions, by which trial (`subject` in the ledger), on images that were captured since.

    `look`: 1 for the first measurement, 2 for the next. `least`, `most`: images that it needs and that it takes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    candidate: ServedVersion
    champion: ServedVersion
    since: AwareDatetime
    look: int
    least: int
    most: int
