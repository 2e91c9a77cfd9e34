"""The numbers of shadow, canary and watch period, each with its unit and origin."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data_checks.waiting_time import WaitingTime, compress

DAY_S = 24 * 3600.0


class DeliveryPolicy(BaseModel):
    """When a candidate is promoted, taken back, or tried for longer. Shares are in [0, 1], times in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recon_error_margin: float = Field(
        0.02, ge=0, le=1, description="share; the field's canary rule, judged on the same images through both models"
    )
    alpha: float = Field(
        0.01, gt=0, lt=0.5, description="share of trials at the margin that end wrongly, for each side, over all looks"
    )
    alpha_spent: float = Field(
        0.1,
        gt=0,
        le=1,
        description="share of alpha that one bound is built with: the bounds are asymptotic, and the simulated share "
        "of wrong ends must stay below alpha with its 95 % upper bound (benchmarks/canary_aa)",
    )
    tail_excess: float = Field(
        0.01,
        gt=0,
        le=1,
        description="share; smallest excess over the champion of images above the 99th percentile of its reference "
        "that matters: the 1 % that is expected there becomes 2 %",
    )
    reconstruction_frechet_margin: float = Field(
        0.02, ge=0, le=1, description="share; paired on reconstructions of the same requests, 2 % off Inception"
    )
    max_failure_share: float = Field(
        0.01, gt=0, lt=1, description="share of images that the candidate may fail on (the champion answers instead)"
    )
    max_latency_p99_ms: float = Field(
        100.0,
        gt=0,
        description="milliseconds that 99 of 100 answers may take: a canary's, the service's",
    )

    shadow_min_pairs: int = Field(1000, ge=1000, description="pairs; the start of the promoting bound")
    roll_back_min_pairs: int = Field(
        250, ge=100, description="pairs; before them a variance is a guess, and so would be a roll-back"
    )
    restart_every_pairs: int = Field(
        1000, ge=500, description="pairs; so often the roll-back side begins anew, to see a change in what it watches"
    )
    canary_min_answers: int = Field(
        200, ge=100, description="answers; the 99th percentile of fewer rests on less than two of them"
    )
    canary_share: float = Field(0.05, gt=0, lt=1, description="share of requests; the field's 5 %")
    canary_min_s: WaitingTime = Field(DAY_S, ge=0, description="seconds; the field's 24 h, a whole day of traffic")
    canary_max_s: WaitingTime = Field(7 * DAY_S, gt=0, description="seconds; then taken back as inconclusive")
    shadow_max_s: WaitingTime = Field(7 * DAY_S, gt=0, description="seconds; then taken back as inconclusive")
    watch_s: WaitingTime = Field(DAY_S, ge=0, description="seconds after promotion in which it may still be taken back")
    watch_max_s: WaitingTime = Field(
        7 * DAY_S, gt=0, description="seconds; a watch without enough pairs is extended until then, and then ends"
    )

    @property
    def alpha_of_a_bound(self) -> float:
        """Error probability that one bound is built with, a share."""
        return self.alpha * self.alpha_spent

    @model_validator(mode="after")
    def _times_are_ordered(self) -> Self:
        if self.canary_min_s > self.canary_max_s or self.watch_s > self.watch_max_s:
            raise ValueError(
                f"expected least times <= most times, came canary {self.canary_min_s:g} s and {self.canary_max_s:g} s, "
                f"watch {self.watch_s:g} s and {self.watch_max_s:g} s"
            )
        return self

    def compressed(self, clock_factor: float) -> DeliveryPolicy:
        """Shorter waiting; every number of images, and the limit of a latency, stays as it is."""
        return compress(self, clock_factor)
