"""What a model and its training are told; frozen, validated, and written into checkpoints and versions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from vae_core.images.image_size import find_size_problems
from vae_core.vq_config import VqVaeConfig

LikelihoodName = Literal["bernoulli", "gaussian", "logistic"]
"""What `vae_core.likelihoods` has."""


SMALLEST_WIDTH = 4
"""Channels of a layer, from which on no decoder is made smaller."""


class ConvVaeConfig(BaseModel):
    """A convolutional VAE: one convolution of stride 2 per width, dense layers where asked for, and up again.

    Without any width it is the dense VAE of the textbooks, from and to single pixels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(1, description="form of this table; there is one so far")
    variant: Literal["conv_vae"] = Field("conv_vae", description="the kind of model, which has these words")
    channels: Literal[1, 3] = Field(1, description="of an image: 1 is grey, 3 is RGB")
    height: int = Field(28, ge=4, le=1024, description="of an image, pixels")
    width: int = Field(28, ge=4, le=1024, description="of an image, pixels")
    widths: tuple[int, ...] = Field((32, 64), max_length=8, description="channels after each halving; none: no halving")
    hidden: tuple[int, ...] = Field((), max_length=8, description="dense layers between the last map and z, features")
    latent_dim: int = Field(32, ge=1, le=4096, description="dimensions of z")
    likelihood: LikelihoodName = Field(
        "bernoulli", description="of an image; gaussian: one variance, fitted; logistic: 256 levels"
    )
    decoder_widths: tuple[int, ...] | None = Field(
        None, description="channels of the decoder, as many as widths and in their order; none: widths"
    )

    @model_validator(mode="after")
    def _fits(self) -> ConvVaeConfig:
        problems = find_size_problems(self.height, self.width, self.widths)
        wide = [each for each in self.hidden if not 1 <= each <= 65_536]
        problems += [f"hidden must be 1 to 65536 features, came {each}" for each in wide]
        if not self.widths and not self.hidden:
            problems.append("widths and hidden are both empty: name at least one layer")
        if self.decoder_widths is not None:
            wrong = [each for each in self.decoder_widths if not 1 <= each <= 4096]
            problems += [f"decoder_widths must be 1 to 4096 channels, came {each}" for each in wrong]
            if len(self.decoder_widths) != len(self.widths):
                expected, came = len(self.widths), len(self.decoder_widths)
                problems.append(f"decoder_widths must be {expected}, one for each of widths, came {came}")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return (self.channels, self.height, self.width)

    def smaller_decoder(self) -> ConvVaeConfig | None:
        """The same model with half the channels in the decoder, or None where it is as small as is useful."""
        widths = self.decoder_widths or self.widths
        halved = tuple(max(min(each, SMALLEST_WIDTH), each // 2) for each in widths)
        return None if halved == widths else self.model_copy(update={"decoder_widths": halved})


def _variant_of(value: object) -> str:
    """Read the variant of a config or of its document; documents that name none are of the first variant."""
    given = value.get("variant") if isinstance(value, dict) else getattr(value, "variant", None)
    return str(given or "conv_vae")


ModelConfig = Annotated[
    Annotated[ConvVaeConfig, Tag("conv_vae")] | Annotated[VqVaeConfig, Tag("vq_vae")], Discriminator(_variant_of)
]
"""Any model that can be built."""


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

    def for_model(self, model: ModelConfig) -> TrainConfig:
        """The recipe without what goes by a KL that moves where there is none: of a VQ-VAE, or of the decoder alone."""
        if model.variant == "conv_vae" and self.trains == "all":
            return self
        return self.model_copy(update={"snapshots": 0, "mutual_information_every_steps": 0, "twin_share": 0.0})

    def _concerns_the_encoder(self) -> list[str]:
        nothing = {"encoder_rate_factor": 1.0, "mask_share": 0.0, "encoder_dropout": 0.0}
        return [f"{name} {getattr(self, name):g}" for name, off in nothing.items() if getattr(self, name) != off]
