"""How a version is measured: what `[evaluation]` of the settings says."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class EvaluationConfig(BaseModel):
    """How a candidate is measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_images: int = Field(5_000, ge=100, description="images of the benchmark that are used at most")
    n_samples: int = Field(5_000, ge=100, description="samples drawn per prior")
    thorough: bool = Field(
        False,
        description="measure the samples' distance at infinite n and −log p by 1,000 draws for 1,000 images, and look "
        "at more images where that is dear: of a VAE and 5,000 images of 28 px 159 CPU seconds in place of 48",
    )
    holdout_min: int = Field(
        5_000, ge=50, description="images with which benchmark_old has enough; of a smaller catalogue `holdout_share`"
    )
    holdout_share: float = Field(
        0.2, gt=0, lt=0.5, description="largest share of the catalogue that benchmark_old may take; of 250 images 50"
    )
    window_holdout_share: float = Field(
        0.25, gt=0, lt=0.5, description="share of the newest window that benchmark_new holds back; 700 new leave 500"
    )
    n_trial_images: int = Field(
        2_000,
        ge=100,
        description="captured images on which a trial's distance is first measured; an undecided one on 2, 4 and 8 "
        "times as many (16,000: 100 CPU seconds and 1.6 GiB at 28 px)",
    )
    min_trial_images: int = Field(1_000, ge=50, description="fewest captured images for it; then the trial waits")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="of the feature network; auto: bf16 where the processor computes in it"
    )
    seed: int = Field(0, description="of the samples that are drawn, and of the samples that the card shows")
