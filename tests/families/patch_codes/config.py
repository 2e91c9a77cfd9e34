"""What a quantised linear autoencoder is told."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PatchCodesConfig(BaseModel):
    """Each of 4 x 4 patches becomes the signs of some numbers by one matrix, and all signs the image by another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    variant: Literal["patch_codes"] = "patch_codes"
    channels: Literal[1, 3] = Field(1, description="of an image")
    height: int = Field(28, ge=4, le=64, multiple_of=4, description="of an image, pixels")
    width: int = Field(28, ge=4, le=64, multiple_of=4, description="of an image, pixels")
    bits: int = Field(4, ge=1, le=10, description="signs of a patch")
    commitment: float = Field(0.25, ge=0, le=10, description="weight of the encoder's way to its codes")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return (self.channels, self.height, self.width)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of codes."""
        return (4, 4)

    @property
    def codes(self) -> int:
        """K, as many as there are combinations of signs."""
        return 2**self.bits
