"""What a convolutional VAE is told; frozen, validated, and written into checkpoints and versions."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vae_core.images.image_size import find_size_problems

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
