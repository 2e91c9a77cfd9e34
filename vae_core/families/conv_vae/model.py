"""A small convolutional VAE (Kingma & Welling 2014)."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import nn

from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.conv_vae.protocol import Posterior
from vae_core.layers.convolutions import build_layers, flatten_maps, pass_dropping, unflatten_maps
from vae_core.layers.image_shape import require_shape
from vae_core.likelihoods import make_likelihood
from vae_core.losses import kl_divergence
from vae_core.ranks import ALONE, Ranks

LOGVAR_BOUND = 10.0
"""exp(±10) is a variance of 4.5e-5 to 2.2e4: wider than any healthy posterior, and it never overflows."""


class Reconstruction(NamedTuple):
    """One pass: logits of the mean image (B, C, H, W), the posterior, and the draw z (B, D) that was decoded."""

    logits: torch.Tensor
    posterior: Posterior
    z: torch.Tensor


class ConvVae(nn.Module):
    """Convolutions of kernel 3 and stride 2, then dense layers, between pixels on [0, 1] and a diagonal Gaussian z."""

    variant = "conv_vae"

    ENCODER = ("encoder", "to_posterior")
    """The modules that give the posterior; the others give the image."""

    def __init__(self, config: ConvVaeConfig) -> None:
        super().__init__()
        self.config = config
        self.latent_dim = config.latent_dim
        layers = build_layers(config, encoded=2 * config.latent_dim)
        self._map_shape = layers.map_shape
        self.encoder, self.to_posterior = layers.encoder, layers.from_maps
        self.from_code, self.decoder = layers.from_code, layers.decoder
        self.likelihood = make_likelihood(config.likelihood, config.channels)
        self.likelihood_name = config.likelihood
        self.ranks: Ranks = ALONE  # with whom it is trained, each passing a part of a batch

    def to_empty(self, *, device: str | torch.device | int | None, recurse: bool = True) -> Self:
        """Take storage without values, but for the likelihood's: those are constants that no generator draws."""
        super().to_empty(device=device, recurse=recurse)
        self.likelihood.reset()
        return self

    def encode(self, x: torch.Tensor) -> Posterior:
        """Infer the posterior of images x (B, C, H, W) on [0, 1]; DataError for another shape."""
        require_shape(x, self.config.shape)
        return self._to_posterior(self.encoder(x))

    def encode_dropping(self, x: torch.Tensor, rate: float, generator: torch.Generator) -> Posterior:
        """Infer as `encode` does, but leave out a share `rate` of every layer's feature maps."""
        require_shape(x, self.config.shape)
        return self._to_posterior(pass_dropping(self.encoder, x, rate, generator, self.ranks))

    def _to_posterior(self, maps: torch.Tensor) -> Posterior:
        parameters = self.to_posterior(flatten_maps(maps)).float()
        mu, logvar = parameters.chunk(2, dim=1)
        return Posterior(mu, logvar.clamp(-LOGVAR_BOUND, LOGVAR_BOUND))

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

    def neg_elbo(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """-ELBO per image (B,), nats, with one draw of z: beta 1, no free bits."""
        output: Reconstruction = self(x, generator)
        return self.nll(output.logits, x) + kl_divergence(*output.posterior).sum(1)

    def watched_loss(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """What a training watches on held-out images, (B,): the -ELBO, nats."""
        return self.neg_elbo(x, generator)

    def forward(self, x: torch.Tensor, generator: torch.Generator, encoder_dropout: float = 0.0) -> Reconstruction:
        """Encode x, draw one z per image, decode it; the generator lives on the device of x."""
        posterior = self.encode_dropping(x, encoder_dropout, generator) if encoder_dropout else self.encode(x)
        z = reparameterize(posterior, generator, self.ranks)
        return Reconstruction(self.decode_logits(z), posterior, z)


def reparameterize(posterior: Posterior, generator: torch.Generator, ranks: Ranks = ALONE) -> torch.Tensor:
    """Draw z = mu + sigma · epsilon (B, D), differentiable (Kingma & Welling 2014, section 2.4).

    Of several `ranks` each has its rows of the posterior.
    """
    mu, logvar = posterior
    everyone = (ranks.size * len(mu), mu.shape[1])
    noise = ranks.own(torch.randn(everyone, generator=generator, device=mu.device, dtype=mu.dtype))
    return mu + torch.exp(0.5 * logvar) * noise
