"""A convolutional VQ-VAE (van den Oord et al. 2017): an image becomes a small grid of codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import nn

from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.quantisers.codebook import EmaCodebook, GradientCodebook
from vae_core.families.vq_vae.quantisers.fsq import FiniteScalarQuantiser
from vae_core.families.vq_vae.quantisers.quantised import Quantised, to_tokens
from vae_core.families.vq_vae.quantisers.vector import VectorQuantiser
from vae_core.layers.convolutions import build_downward, build_upward, pass_dropping
from vae_core.layers.image_shape import require_shape
from vae_core.ranks import Ranks


class VqReconstruction(NamedTuple):
    """One pass: the Gaussian's mean (B, C, H, W) float32, not clamped to [0, 1], and the grid of codes behind it.

    z_e (B, d, h, w): the vectors in whose place the codes stand.
    """

    mean: torch.Tensor
    quantised: Quantised
    z_e: torch.Tensor


class VqVae(nn.Module):
    """Convolutions of kernel 3 and stride 2 between pixels on [0, 1] and a grid of codes.

    The likelihood is a Gaussian of fixed variance, so its loss is the squared error per pixel: after 300 steps its test
    error is .0082, of a sigmoid's mean .0093, of a Bernoulli .0095.
    """

    variant = "vq_vae"

    ENCODER = ("encoder", "to_codes")
    """The modules that give the vectors that are quantised; the codebook and the others give the image."""

    directions: torch.Tensor

    def __init__(self, config: VqVaeConfig) -> None:
        super().__init__()
        self.config = config
        self.latent_dim = config.summary_dim
        sizes, depth = (config.channels, *config.widths), config.depth
        # without the last rectifier: codes have both signs
        self.encoder = nn.Sequential(*list(build_downward(sizes))[:-1])
        self.to_codes, self.from_codes = nn.Sequential(), nn.Sequential()
        if depth != sizes[-1]:  # a projection only where it changes something: it costs a fifth of a step
            self.to_codes = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(sizes[-1], depth, kernel_size=1))
            self.from_codes = nn.Sequential(nn.Conv2d(depth, sizes[-1], kernel_size=1), nn.ReLU(inplace=True))
        self.quantiser = _build_quantiser(config)
        self.decoder = build_upward(sizes[::-1])
        self.register_buffer("directions", torch.empty(config.depth * config.grid[0] * config.grid[1], self.latent_dim))

    def to_empty(self, *, device: str | torch.device | int | None, recurse: bool = True) -> Self:
        """Take storage without values, but for the quantiser, which begins anew, and the summary's fixed directions."""
        super().to_empty(device=device, recurse=recurse)
        self.quantiser.begin()
        drawn = torch.randn(self.directions.shape, generator=torch.Generator().manual_seed(0))
        self.directions.copy_(drawn / len(drawn) ** 0.5)
        return self

    @property
    def ranks(self) -> Ranks:
        """With whom it is trained, each passing a part of a batch."""
        return self.quantiser.ranks

    @ranks.setter
    def ranks(self, ranks: Ranks) -> None:
        self.quantiser.ranks = ranks

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Vectors z_e (B, d, h, w) float32 of images x (B, C, H, W) on [0, 1]; DataError for another shape."""
        require_shape(x, self.config.shape)
        z_e: torch.Tensor = self.to_codes(self.encoder(x))
        return z_e.float()

    def encode_dropping(self, x: torch.Tensor, rate: float, generator: torch.Generator) -> torch.Tensor:
        """Encode as `encode` does, but leave out a share `rate` of every layer's feature maps."""
        require_shape(x, self.config.shape)
        z_e: torch.Tensor = self.to_codes(pass_dropping(self.encoder, x, rate, generator, self.quantiser.ranks))
        return z_e.float()

    def summarise(self, z_e: torch.Tensor) -> torch.Tensor:
        """One vector (B, D) for the vectors z_e (B, d, h, w) of each image: their projection on random directions.

        Distances between images are kept in expectation (Johnson & Lindenstrauss 1984), places in the grid included. A
        fifth of two kinds never seen moves its mean by 0.46 to 0.55 of the images' own spread, and a VAE's mean code by
        0.6; a mean of z_e over the grid, which knows no places, by 0.01 to 0.12.
        """
        return z_e.permute(0, 2, 3, 1).flatten(1) @ self.directions

    def quantise(self, z_e: torch.Tensor, generator: torch.Generator | None = None) -> Quantised:
        """Replace vectors z_e (B, d, h, w) by codes; in train mode the first ones start them, with a generator."""
        return self.quantiser.quantise(z_e, generator)

    def decode_mean(self, z_q: torch.Tensor) -> torch.Tensor:
        """Decode codes z_q (B, d, h, w) to the mean of the Gaussian (B, C, H, W) float32, not clamped."""
        mean: torch.Tensor = self.decoder(self.from_codes(z_q))
        return mean.float()

    def decode(self, z_q: torch.Tensor) -> torch.Tensor:
        """Decode codes z_q (B, d, h, w) to the mean image (B, C, H, W) on [0, 1]."""
        return self.decode_mean(z_q).clamp(0, 1)

    def decode_codes(self, indices: torch.Tensor) -> torch.Tensor:
        """Decode indices (B, h, w) int64 to the mean image (B, C, H, W) on [0, 1]; DataError where one is no code."""
        return self.decode(self.quantiser.look_up(indices))

    def watched_loss(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """What a training watches on held-out images, (B,): the squared error, summed over pixels and channels.

        In nats, up to a constant, it is the NLL of a Gaussian of variance 1/2.
        """
        del generator
        training = self.quantiser.training
        self.quantiser.eval()  # images that are only looked at start no codes
        mean = self.decode_mean(self.quantise(self.encode(x)).z_q)
        self.quantiser.train(training)
        return (mean - x).square().sum((1, 2, 3))

    def forward(
        self, x: torch.Tensor, generator: torch.Generator | None = None, encoder_dropout: float = 0.0
    ) -> VqReconstruction:
        """Encode x, quantise it, decode it; the generator lives on the device of x and is only needed in train mode."""
        if encoder_dropout and generator is not None:
            z_e = self.encode_dropping(x, encoder_dropout, generator)
        else:
            z_e = self.encode(x)
        quantised = self.quantise(z_e, generator)
        return VqReconstruction(self.decode_mean(quantised.z_q), quantised, z_e)

    def follow(self, output: VqReconstruction, generator: torch.Generator) -> None:
        """Let the codes follow what chose them in a pass whose loss was finite; gradients move everything else."""
        self.quantiser.follow(output.z_e.detach(), output.quantised.indices, generator)

    @property
    def has_codes(self) -> bool:
        """Whether the codes have begun; FSQ's always have."""
        return not isinstance(self.quantiser, VectorQuantiser) or bool(self.quantiser.started)

    @torch.no_grad()
    def start_codes(self, batches: Sequence[torch.Tensor], generator: torch.Generator) -> None:
        """Fit the first codes to the tokens of several batches (B, C, H, W); without it, the first step's batch does.

        DataError when they have fewer tokens than there are codes. FSQ needs none and takes none.
        """
        if isinstance(self.quantiser, VectorQuantiser):
            tokens = torch.cat([to_tokens(self.encode(x)) for x in batches])
            self.quantiser.start(tokens, generator, batches=len(batches))


def vq_loss(output: VqReconstruction, x: torch.Tensor, commitment: float) -> torch.Tensor:
    """Squared error per pixel + codebook loss + weighted commitment: a scalar to descend on.

    van den Oord et al. 2017, equation 3; the codebook loss is 0 where averages move the codes.
    """
    error = nn.functional.mse_loss(output.mean, x)
    return error + output.quantised.codebook_loss + commitment * output.quantised.commitment


def _build_quantiser(config: VqVaeConfig) -> VectorQuantiser | FiniteScalarQuantiser:
    if config.quantizer == "fsq":
        return FiniteScalarQuantiser(config.fsq_levels)
    kind = EmaCodebook if config.quantizer == "ema" else GradientCodebook
    book = kind(config.codebook_size, config.code_dim, decay=config.decay, expire_below=config.expire_below)
    return VectorQuantiser(book, config.gradient)
