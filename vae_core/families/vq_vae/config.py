"""What a VQ-VAE is told; frozen, validated, and written into checkpoints and versions."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vae_core.images.image_size import find_size_problems

MAX_CODES = 65_536

SUMMARY_DIM = 64


class VqVaeConfig(BaseModel):
    """A convolutional VQ-VAE: one convolution of stride 2 per width, a code at every place, and up again.

    Defaults: 28 x 28 pixels become 7 x 7 codes of 512. `code_dim`, `decay`, `expire_below` and `gradient` are the
    codebook's; FSQ has none and goes by `fsq_levels` alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(1, description="form of this table; there is one so far")
    variant: Literal["vq_vae"] = Field("vq_vae", description="the kind of model, which has these words")
    channels: Literal[1, 3] = Field(1, description="of an image: 1 is grey, 3 is RGB")
    height: int = Field(28, ge=4, le=1024, description="of an image, pixels")
    width: int = Field(28, ge=4, le=1024, description="of an image, pixels")
    widths: tuple[int, ...] = Field((32, 64), min_length=1, max_length=8, description="channels after each halving")
    quantizer: Literal["ema", "gradient", "fsq"] = Field("ema", description="what moves the codes")
    gradient: Literal["straight_through", "rotation"] = Field(
        "straight_through", description="how the decoder's gradient reaches the encoder"
    )
    codebook_size: int = Field(512, ge=2, le=MAX_CODES, description="codes of the codebook, K")
    code_dim: int = Field(64, ge=1, le=4096, description="numbers of a code, d")
    decay: float = Field(0.99, ge=0, lt=1, description="of the codebook's averages, a step")
    commitment: float = Field(0.25, ge=0, le=100, description="weight of mean (z_e - sg[e])², on the encoder's side")
    expire_below: float = Field(
        0.25, ge=0, lt=1, description="share of an even use, below which a code begins anew; 0: never"
    )
    fsq_levels: tuple[int, ...] = Field(
        (8, 8, 8), min_length=1, max_length=16, description="values that each number of an FSQ code may have"
    )

    @model_validator(mode="after")
    def _fits(self) -> VqVaeConfig:
        problems = find_size_problems(self.height, self.width, self.widths)
        problems += [f"fsq_levels must be at least 2, came {each}" for each in self.fsq_levels if each < 2]
        if math.prod(self.fsq_levels) > MAX_CODES:
            problems.append(f"fsq_levels make {math.prod(self.fsq_levels)} codes, at most {MAX_CODES} are possible")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return (self.channels, self.height, self.width)

    @property
    def grid(self) -> tuple[int, int]:
        """(h, w): rows and columns of codes."""
        factor = 2 ** len(self.widths)
        return (self.height // factor, self.width // factor)

    @property
    def depth(self) -> int:
        """Numbers of a token: d, or one for each of FSQ's levels."""
        return len(self.fsq_levels) if self.quantizer == "fsq" else self.code_dim

    @property
    def summary_dim(self) -> int:
        """D, the numbers of the one vector that stands for an image's codes where vectors are compared."""
        return min(SUMMARY_DIM, self.depth * self.grid[0] * self.grid[1])

    @property
    def codes(self) -> int:
        """K, the size of the alphabet."""
        return math.prod(self.fsq_levels) if self.quantizer == "fsq" else self.codebook_size
