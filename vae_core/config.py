"""What a training is told; frozen, validated, and written into checkpoints and versions."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Budget(BaseModel):
    """How long a training lasts. Seconds are those of the clock that the caller gives to `train`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: float = Field(gt=0, allow_inf_nan=False, description="how many of `unit` a training lasts at most")
    unit: Literal["epochs", "steps", "seconds"] = Field(
        description="what `amount` counts; an epoch is one pass over the images"
    )


class TrainConfig(BaseModel):
    """The recipe. Learning rate and KL weight follow the used share of the budget, whatever its unit.

    A KL warm-up that is given in steps or epochs follows those, and is refused where it is longer than the training;
    of a budget in seconds nobody knows, and the result says at which KL weight it ended. What comes after
    min_delta_nats is off by default.
    The defaults are for Fashion-MNIST-sized images: Adam 1e-3 to 3e-4, batches of 128, a KL warm-up over the
    first 10 %, in which a training from scratch finds its codes; a warm start has them and needs none (share 0).
    `vae_core.training.recipes` has the recipes of the tiers. Where images are held out, their loss ends a training
    that no longer improves.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(1, description="form of this table; there is one so far")
    budget: Budget
    batch_size: int = Field(128, ge=1, le=65_536, description="images of a step")
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
        "auto", description="of the computation; auto: bf16 where the processor computes in it"
    )
    seed: int = Field(0, ge=0, lt=2**63, description="of the initial weights, the order of the images and the noise")
    checkpoint_every_steps: int = Field(
        500, ge=1, description="steps between two checkpoints; a killed training goes on at the last"
    )
    trains: Literal["all", "decoder"] = Field(
        "all", description="decoder: the encoder of the warm start stays as it is, bit for bit"
    )
    validate_every_steps: int = Field(50, ge=1, description="steps between two looks at the held-out images")
    patience: int = Field(10, ge=1, description="looks without improvement after which the training ends")
    min_delta_nats: float = Field(
        0.05, ge=0, le=1000, description="smallest fall of the held-out loss per image that is an improvement"
    )
    kl_schedule: Literal["linear", "cyclical", "monotonic"] = Field("linear", description="how the KL weight rises")
    kl_warmup_unit: Literal["share", "steps", "epochs"] = Field(
        "share", description="which of kl_warmup_share, kl_warmup_steps and kl_warmup_epochs counts"
    )
    kl_warmup_steps: int = Field(5000, ge=0, description="in which the KL weight rises, where the unit is steps")
    kl_warmup_epochs: float = Field(
        10.0, ge=0, le=1e6, description="in which the KL weight rises, where the unit is epochs"
    )
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
    codebook_decay: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="of a VQ-VAE's codebook where trains is decoder and codes keep their places; none: the model's",
    )
    ema_decay: float = Field(
        0.0, ge=0, lt=1, description="of the mean of the weights that is looked at and handed over; 0: the weights are"
    )
    snapshots: int = Field(
        0,
        ge=0,
        le=16,
        description="times, evenly over the budget, at which a VAE's weights at the final beta are kept",
    )
    mutual_information_every_steps: int = Field(
        0,
        ge=0,
        description="steps between two bounds on I(x; z) of a VAE's held-out images, and one at the end; 0: none",
    )
    twin_share: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="of the budget, spent beforehand on a twin with a quarter of the KL warm-up, by a training "
        "that recovers; more where 200 steps after its warm-up are more; 0: none",
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
