"""What a quantised linear autoencoder is told."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PatchCodesConfig(BaseModel):
    """Each quarter of an image becomes one of K codes by a matrix, and the four codes the image again by another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    variant: Literal["patch_codes"] = "patch_codes"
    channels: Literal[1, 3] = Field(1, description="of an image")
    height: int = Field(28, ge=4, le=64, multiple_of=2, description="of an image, pixels")
    width: int = Field(28, ge=4, le=64, multiple_of=2, description="of an image, pixels")
    codes: int = Field(16, ge=2, le=1024, description="of the alphabet")
    depth: int = Field(8, ge=1, le=64, description="numbers of a code")
    commitment: float = Field(0.25, ge=0, le=10, description="weight of the encoder's way to its codes")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return (self.channels, self.height, self.width)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of codes."""
        return (2, 2)
