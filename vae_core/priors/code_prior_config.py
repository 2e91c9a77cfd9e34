"""What a prior over codes and its fit are told; frozen, validated, and the first of them stored with the weights."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vae_core.config import Budget

Grid = tuple[int, int]
"""(h, w) of the codes of one image."""


class CodePriorConfig(BaseModel):
    """A causal transformer over the codes of a VQ-VAE, in raster order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(1, description="form of this table; there is one so far")
    variant: Literal["code_transformer"] = "code_transformer"
    grid: Grid = Field(description="rows and columns of codes of an image")
    codebook_size: int = Field(ge=2, le=65_536, description="K: codes are 0 to K - 1")
    width: int = Field(128, ge=8, le=2048, description="channels of every position")
    depth: int = Field(2, ge=1, le=64, description="blocks of attention and perceptron")
    heads: int = Field(4, ge=1, le=64, description="of attention, width / heads channels each")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the channels that a block adds, while fitting")

    @model_validator(mode="after")
    def _fits(self) -> CodePriorConfig:
        problems = [f"grid must be 1 to 64 codes a side, came {side}" for side in self.grid if not 1 <= side <= 64]
        if self.width % self.heads:
            problems.append(f"width {self.width} is not a multiple of {self.heads} heads")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def positions(self) -> int:
        """S, the codes of one image."""
        return self.grid[0] * self.grid[1]


class CodePriorRecipe(BaseModel):
    """How a prior is fitted: AdamW, a learning rate that rises, then falls along a cosine with the used budget.

    The held-out NLL is looked at before the first step and every `look_every_steps`, or every epoch where that is
    shorter; the best weights are kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(1, description="form of this table; there is one so far")
    budget: Budget
    batch_size: int = Field(32, ge=1, le=65_536, description="images of a step")
    learning_rate: float = Field(2e-3, gt=0, le=1, description="of AdamW, at its highest")
    final_rate_share: float = Field(0.02, ge=0, le=1, description="of the highest rate, at both ends")
    warmup_share: float = Field(0.05, ge=0, lt=1, description="share of the budget in which the rate rises")
    weight_decay: float = Field(0.05, ge=0, le=10, description="of AdamW, on matrices only")
    clip_norm: float = Field(1.0, gt=0, le=1e6, description="largest length of a step's gradient, of nats per code")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="auto: bf16 where the processor computes in it"
    )
    held_out_share: float = Field(0.05, gt=0, lt=1, description="of the images, never fitted, 2,000 at most")
    look_every_steps: int = Field(
        400, ge=1, description="steps between two looks at the held-out images, unless an epoch is shorter"
    )
    checkpoint_every_steps: int = Field(
        500, ge=1, description="steps between two checkpoints; a killed fit goes on at the last"
    )
    patience: int = Field(10, ge=1, description="looks without improvement after which the fit ends")
    min_delta_nats: float = Field(
        0.02, ge=0, le=1000, description="smallest fall of the held-out NLL per image that is an improvement"
    )
