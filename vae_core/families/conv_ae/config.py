"""What a deterministic autoencoder is told; frozen, validated, and written into its checkpoints.

It is a baseline: trained, resumed and scored as the other kinds are, and never served.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from vae_core.families.conv_vae.config import ConvVaeConfig, LikelihoodName


class ConvAeConfig(BaseModel):
    """A VAE's network without noise and KL: its layers, image size, latent_dim and likelihood are that VAE's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    variant: Literal["conv_ae"] = "conv_ae"
    network: ConvVaeConfig = Field(ConvVaeConfig(), description="the VAE whose bottleneck is to be compared with")
    code_penalty: float = Field(
        0.0, ge=0, le=1000, description="weight of ||z||² / 2 beside the NLL (Ghosh et al. 2020, section 3); 0: none"
    )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return self.network.shape

    @property
    def latent_dim(self) -> int:
        """D, the numbers of a code."""
        return self.network.latent_dim

    @property
    def likelihood(self) -> LikelihoodName:
        """What the NLL is that it descends on."""
        return self.network.likelihood
