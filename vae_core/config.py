"""What a model and its training are told; frozen, validated, and written into checkpoints and versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LikelihoodName = Literal["bernoulli", "gaussian", "logistic"]
"""What `vae_core.likelihoods` has."""


def find_size_problems(height: int, width: int, widths: Sequence[int]) -> list[str]:
    """What keeps an image of that many pixels from being halved once for each width (channels); a line each."""
    factor = 2 ** len(widths)
    problems = [
        f"{name} {size} is not a multiple of {factor}, and {len(widths)} widths halve it as often"
        for name, size in (("height", height), ("width", width))
        if size % factor
    ]
    return problems + [f"widths must be 1 to 4096 channels, came {each}" for each in widths if not 1 <= each <= 4096]


class ConvVaeConfig(BaseModel):
    """A convolutional VAE: one convolution of stride 2 per width, down and up again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    variant: Literal["conv_vae"] = "conv_vae"
    channels: Literal[1, 3] = 1
    height: int = Field(28, ge=4, le=1024, description="pixels")
    width: int = Field(28, ge=4, le=1024, description="pixels")
    widths: tuple[int, ...] = Field((32, 64), min_length=1, max_length=8, description="channels after each halving")
    latent_dim: int = Field(32, ge=1, le=4096, description="dimensions of z")
    likelihood: LikelihoodName = Field(
        "bernoulli", description="of an image; gaussian: one variance, fitted; logistic: 256 levels"
    )

    @model_validator(mode="after")
    def _fits(self) -> ConvVaeConfig:
        problems = find_size_problems(self.height, self.width, self.widths)
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return (self.channels, self.height, self.width)


ModelConfig = ConvVaeConfig
"""Any model that can be built; becomes a union discriminated by `variant` with the second variant."""


class Budget(BaseModel):
    """How long a training lasts. Seconds are those of the clock that the caller gives to `train`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: float = Field(gt=0, allow_inf_nan=False)
    unit: Literal["epochs", "steps", "seconds"]


class TrainConfig(BaseModel):
    """The recipe. Learning rate and KL weight follow the used share of the budget, whatever its unit.

    A KL warm-up that is given in steps or epochs follows those. What comes after min_delta_nats is off by default.
    The defaults are for Fashion-MNIST-sized images: Adam 1e-3 to 3e-4, batches of 128, a KL warm-up over the
    first 10 %, in which a training from scratch finds its codes; a warm start has them and needs none (share 0).
    `vae_core.training.recipes` has the recipes of the tiers. Where images are held out, their -ELBO ends a training
    that no longer improves.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    budget: Budget
    batch_size: int = Field(128, ge=1, le=65_536, description="images")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="of Adam, at the start")
    final_learning_rate: float = Field(3e-4, gt=0, le=1, description="of Adam, when the budget is used")
    kl_warmup_share: float = Field(
        0.1, ge=0, le=1, description="share of the budget in which the KL weight rises to beta"
    )
    beta: float = Field(1.0, ge=0, le=1000, description="weight of the KL; 1 is the evidence lower bound")
    free_bits_nats: float = Field(
        0.5,
        ge=0,
        le=100,
        description="per dimension, on the batch mean, only while warming (Kingma et al. 2016, "
        "appendix C.8); never in a reported number",
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="auto: bf16 where the processor computes in it"
    )
    seed: int = Field(0, ge=0, lt=2**63, description="of the initial weights, the order of the images and the noise")
    checkpoint_every_steps: int = Field(500, ge=1)
    trains: Literal["all", "decoder"] = Field(
        "all", description="decoder: the encoder of the warm start stays as it is, bit for bit"
    )
    validate_every_steps: int = Field(50, ge=1, description="steps between two looks at the held-out images")
    patience: int = Field(10, ge=1, description="looks without improvement after which the training ends")
    min_delta_nats: float = Field(
        0.05, ge=0, le=1000, description="smallest fall of the held-out -ELBO per image that is an improvement"
    )
    kl_schedule: Literal["linear", "cyclical", "monotonic"] = Field("linear", description="how the KL weight rises")
    kl_warmup_unit: Literal["share", "steps", "epochs"] = Field(
        "share", description="which of kl_warmup_share, kl_warmup_steps and kl_warmup_epochs counts"
    )
    kl_warmup_steps: int = Field(5000, ge=0, description="in which the KL weight rises, where the unit is steps")
    kl_warmup_epochs: float = Field(10.0, ge=0, le=1e6, description="likewise, where the unit is epochs")
    kl_cycles: int = Field(4, ge=1, le=1000, description="of a cyclical schedule, within its warm-up")
    kl_rising_share: float = Field(0.5, ge=0, le=1, description="of each cycle; for its rest the weight is beta")
    encoder_rate_factor: float = Field(1.0, gt=0, le=100, description="learning rate of the encoder over the decoder's")
    clip_norm: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="longer gradients are cut to this length; 0: none is"
    )
    mask_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="of the encoder's input that training blackens, 0.1 to 0.2; the target is whole",
    )
    mask_patch_px: int = Field(1, ge=1, le=1024, description="side of what is blackened at once")
    encoder_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the encoder's feature maps that a step leaves out"
    )
    ema_decay: float = Field(
        0.0, ge=0, lt=1, description="of the mean of the weights that is looked at and handed over; 0: the weights are"
    )

    @model_validator(mode="after")
    def _agrees(self) -> TrainConfig:
        problems = []
        if self.final_learning_rate > self.learning_rate:
            problems.append(
                f"final_learning_rate {self.final_learning_rate:g} is above "
                f"learning_rate {self.learning_rate:g}; the rate falls or stays"
            )
        warmup = {"steps": self.kl_warmup_steps, "epochs": self.kl_warmup_epochs}.get(self.kl_warmup_unit, 0)
        if self.budget.unit == self.kl_warmup_unit and warmup > self.budget.amount:
            problems.append(
                f"the KL warm-up of {warmup:g} {self.budget.unit} is longer than the budget of {self.budget.amount:g}; "
                "the KL would never have its whole weight"
            )
        if self.trains == "decoder" and (idle := self._concerns_the_encoder()):
            problems.append(f"trains='decoder' leaves the encoder and what it sees as they are; drop {', '.join(idle)}")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _concerns_the_encoder(self) -> list[str]:
        nothing = {"encoder_rate_factor": 1.0, "mask_share": 0.0, "encoder_dropout": 0.0}
        return [f"{name} {getattr(self, name):g}" for name, off in nothing.items() if getattr(self, name) != off]
