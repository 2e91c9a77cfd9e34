"""How often the controller looks, and how strictly it tries a version before it serves."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from data_checks.waiting_time import WaitingTime, compress


class ControllerConfig(BaseModel):
    """Pauses between looks are waiting, which `clock_factor` compresses; what a process needs is not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reconcile_s: WaitingTime = Field(15.0, gt=0, description="s between two looks at the registry")
    load_timeout_s: float = Field(
        300.0, gt=0, description="s a service may take to load a version before it is refused"
    )
    warmup_requests: int = Field(20, ge=0, description="requests sent to a loaded version before it becomes champion")
    measure_retry_s: WaitingTime = Field(
        600.0, gt=0, description="s before a Frechet difference that a run could not measure yet is asked for again"
    )
    dead_run_retry_s: float = Field(
        600.0, ge=1, description="s a run has to start, or to be seen dead, before it is asked for again"
    )
    lease_s: float = Field(
        20.0,
        ge=5,
        description="s after which the work of a run that was killed may be taken over; a living one says four times "
        "within it that it lives, which a busy machine must not miss",
    )

    def compressed(self, clock_factor: float) -> ControllerConfig:
        """Shorter pauses; a version has its whole time to load, and a run its whole time to start."""
        return compress(self, clock_factor)
