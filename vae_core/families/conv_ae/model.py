"""The convolutional VAE's network without noise and KL: a deterministic autoencoder, for comparison."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import nn

from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.layers.convolutions import build_layers, flatten_maps, pass_dropping, unflatten_maps
from vae_core.layers.image_shape import require_shape
from vae_core.likelihoods import make_likelihood
from vae_core.ranks import ALONE, Ranks


class AeReconstruction(NamedTuple):
    """One pass: logits of the mean image (B, C, H, W), and the code z (B, D) float32 that was decoded."""

    logits: torch.Tensor
    z: torch.Tensor


class ConvAe(nn.Module):
    """The layers of a `ConvVae` between pixels on [0, 1] and a code z of D numbers, of which nothing is asked.

    Where its codes lie is not known before they are looked at: samples need a density fitted to them afterwards.
    """

    variant = "conv_ae"

    ENCODER = ("encoder", "to_code")
    """The modules that give the code; the others give the image."""

    def __init__(self, config: ConvAeConfig) -> None:
        super().__init__()
        self.config = config
        self.latent_dim = config.latent_dim
        layers = build_layers(config.network, encoded=config.latent_dim)
        self._map_shape = layers.map_shape
        self.encoder, self.to_code = layers.encoder, layers.from_maps
        self.from_code, self.decoder = layers.from_code, layers.decoder
        self.likelihood = make_likelihood(config.likelihood, config.network.channels)
        self.likelihood_name = config.likelihood
        self.ranks: Ranks = ALONE  # with whom it is trained, each passing a part of a batch

    def to_empty(self, *, device: str | torch.device | int | None, recurse: bool = True) -> Self:
        """Take storage without values, but for the likelihood's: those are constants that no generator draws."""
        super().to_empty(device=device, recurse=recurse)
        self.likelihood.reset()
        return self

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Encode images x (B, C, H, W) on [0, 1] as codes z (B, D) float32; DataError for another shape."""
        require_shape(x, self.config.shape)
        return self._to_code(self.encoder(x))

    def encode_dropping(self, x: torch.Tensor, rate: float, generator: torch.Generator) -> torch.Tensor:
        """Encode as `encode` does, but leave out a share `rate` of every layer's feature maps."""
        require_shape(x, self.config.shape)
        return self._to_code(pass_dropping(self.encoder, x, rate, generator, self.ranks))

    def _to_code(self, maps: torch.Tensor) -> torch.Tensor:
        z: torch.Tensor = self.to_code(flatten_maps(maps))
        return z.float()

    def decode_logits(self, z: torch.Tensor) -> torch.Tensor:
        """Decode codes z (B, D) to the logits of the mean image (B, C, H, W) float32."""
        logits: torch.Tensor = self.decoder(unflatten_maps(self.from_code(z), self._map_shape))
        return logits.float()

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Decode codes z (B, D) to the mean image (B, C, H, W) on [0, 1]."""
        return torch.sigmoid(self.decode_logits(z))

    def nll(self, logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """-log p(x|z) per image (B,), nats, by the model's likelihood as it is kept; logits of `decode_logits`."""
        return self.likelihood.nll(logits, x)

    def watched_loss(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """What a training watches on held-out images, (B,): the NLL at their codes, nats, without any penalty."""
        del generator
        return self.nll(self.decode_logits(self.encode(x)), x)

    def forward(
        self, x: torch.Tensor, generator: torch.Generator | None = None, encoder_dropout: float = 0.0
    ) -> AeReconstruction:
        """Encode x and decode it; the generator lives on the device of x and is only needed for dropout."""
        if encoder_dropout and generator is not None:
            z = self.encode_dropping(x, encoder_dropout, generator)
        else:
            z = self.encode(x)
        return AeReconstruction(self.decode_logits(z), z)
