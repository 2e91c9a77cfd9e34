"""What passes between the steps of the deliver flow."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict

from deploy.release import ServedVersion


class MeasurementPlan(BaseModel):
    """Which two versions, by which trial (`subject` in the ledger), on images that were captured since."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    candidate: ServedVersion
    champion: ServedVersion
    since: AwareDatetime


class MeasuredChange(BaseModel):
    """Relative change of the Fréchet distance of reconstructions (candidate / champion) - 1, paired on n images.

    The interval is one of 95 %.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    value: float
    low: float
    high: float
    n: int
