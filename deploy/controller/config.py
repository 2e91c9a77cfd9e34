"""How often the controller looks, and how strictly it tries a version before it serves."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ControllerConfig(BaseModel):
    """Times are multiplied by the installation's `clock_factor`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reconcile_s: float = Field(15.0, gt=0, description="s between two looks at the registry")
    load_timeout_s: float = Field(
        300.0, gt=0, description="s a service may take to load a version before it is refused"
    )
    golden_tolerance: float = Field(
        0.01, gt=0, description="largest relative deviation of a golden answer; other processors round differently"
    )
    warmup_requests: int = Field(20, ge=0, description="requests sent to a loaded version before it becomes champion")
    measure_retry_s: float = Field(
        600.0, gt=0, description="s before a run that brought nothing (Frechet difference, retraining) is asked again"
    )
