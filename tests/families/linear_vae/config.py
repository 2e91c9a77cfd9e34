"""What a linear VAE is told."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class LinearVaeConfig(BaseModel):
    """Probabilistic PCA by gradients: one matrix to the posterior, one back to the logits of the pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    variant: Literal["linear_vae"] = "linear_vae"
    channels: Literal[1, 3] = Field(1, description="of an image")
    height: int = Field(28, ge=4, le=64, description="of an image, pixels")
    width: int = Field(28, ge=4, le=64, description="of an image, pixels")
    latent_dim: int = Field(8, ge=1, le=64, description="dimensions of z")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return (self.channels, self.height, self.width)
