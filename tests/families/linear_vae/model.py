"""A linear VAE with a Bernoulli likelihood."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn

from tests.families.linear_vae.config import LinearVaeConfig
from vae_core.families.conv_vae.protocol import Posterior
from vae_core.layers.image_shape import require_shape
from vae_core.likelihoods import make_likelihood
from vae_core.ranks import ALONE, Ranks


class LinearReconstruction(NamedTuple):
    """One pass, as the evidence lower bound reads it."""

    logits: torch.Tensor
    posterior: Posterior


class LinearVae(nn.Module):
    """x -> N(mu, sigma²) of D numbers -> the logits of the mean image."""

    variant = "linear_vae"
    ENCODER = ("encoder",)
    likelihood_name = "bernoulli"

    def __init__(self, config: LinearVaeConfig) -> None:
        super().__init__()
        self.config, self.latent_dim = config, config.latent_dim
        self.encoder = nn.Linear(math.prod(config.shape), 2 * config.latent_dim)
        self.decoder = nn.Linear(config.latent_dim, math.prod(config.shape))
        self.likelihood = make_likelihood("bernoulli", config.channels)
        self.ranks: Ranks = ALONE

    def encode(self, x: torch.Tensor) -> Posterior:
        require_shape(x, self.config.shape)
        mu, logvar = self.encoder(x.flatten(1) - 0.5).float().chunk(2, dim=1)
        return Posterior(mu, logvar.clamp(-10, 10))

    def decode_logits(self, z: torch.Tensor) -> torch.Tensor:
        return self.decoder(z).float().view(-1, *self.config.shape)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.decode_logits(z))

    def nll(self, logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return self.likelihood.nll(logits, x)

    def watched_loss(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        output = self(x, generator)
        mu, logvar = output.posterior
        return self.nll(output.logits, x) + 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)

    def forward(self, x: torch.Tensor, generator: torch.Generator) -> LinearReconstruction:
        posterior = self.encode(x)
        noise = torch.randn(posterior.mu.shape, generator=generator, device=x.device)
        return LinearReconstruction(
            self.decode_logits(posterior.mu + torch.exp(0.5 * posterior.logvar) * noise), posterior
        )
