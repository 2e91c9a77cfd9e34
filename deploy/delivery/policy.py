"""The numbers of the promotion gate, each with its unit and origin."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class GatePolicy(BaseModel):
    """Margins are relative changes against the champion; the absolute bars hold for a first version only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recon_error_margin: float = Field(
        0.02, ge=0, le=1, description="share; the field's canary rule, applied to the upper bound of a paired change"
    )
    frechet_margin: float = Field(
        0.05,
        ge=0,
        le=1,
        description="share, of samples; same real set, n and extractor (equal models pass in >= 99 %)",
    )
    reconstruction_frechet_margin: float = Field(
        0.02,
        ge=0,
        le=1,
        description="share, of reconstructions of the same images; their noise is common to both, so the canary's 2 %",
    )
    kernel_margin: float = Field(
        0.05,
        ge=0,
        le=10,
        description="share, of KID on sets too small for a Fréchet distance, on the lower end of its 99 % interval: of "
        "100 images equal models pass in >= 99 %, and one that is 45 % worse is refused",
    )
    lost_cluster_ratio: float = Field(
        1.1,
        ge=1,
        le=10,
        description="candidate's mean error / champion's in one cluster of the champion's reference, judged on its "
        "lower bound; kinds that a model never saw have 1.07 to 2.02 times the error (Fashion-MNIST, held out)",
    )
    lost_cluster_min_images: int = Field(
        20, ge=2, description="images of the benchmark in a cluster; of fewer, the ratio of two means says nothing"
    )
    min_active_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="of the champion's active units, or of the codes that it uses; fewer is a lost code",
    )

    first_min_explained_variance: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="1 - recon_error / error of the mean image; below half, the code carries too little",
    )
    first_min_active_units: int = Field(4, ge=1, description="units; below it the posterior has collapsed for practice")
    first_min_code_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="of a VQ-VAE's codes, used at least once on benchmark_old; a healthy one uses 0.9 and more of 512",
    )
    first_max_frechet_over_floor: float = Field(
        25.0,
        gt=1,
        description="fd of samples over the floor of real images; on Fashion-MNIST 10.8 from the mixture and 15 from "
        "N(0, I) after a minute of training, so 25 refuses only samples that look like nothing",
    )
