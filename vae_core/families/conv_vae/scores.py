"""What a VAE makes of images: reconstructions at the posterior's mean, the posterior, and the bound."""

from __future__ import annotations

import numpy as np
import torch

from vae_core.families.conv_vae.protocol import Vae
from vae_core.families.scores import Scores
from vae_core.images.preprocessing import to_unit
from vae_core.losses import kl_divergence
from vae_core.priors.posterior import sample_posterior
from vae_core.weights import to_numpy


@torch.inference_mode()
def score_posteriors(model: Vae, pixels: np.ndarray, device: str) -> Scores:
    """Score pixels uint8 (B, C, H, W) in one pass, without a draw."""
    x = to_unit(pixels).to(device)
    mu, logvar = model.encode(x)
    reconstruction = model.decode(mu)
    return Scores(
        reconstruction=to_numpy(reconstruction),
        mu=to_numpy(mu),
        recon_error=to_numpy((reconstruction - x).square().mean((1, 2, 3))),
        norm=to_numpy(torch.linalg.vector_norm(mu, dim=1)),
        own={"logvar": to_numpy(logvar), "kl": to_numpy(kl_divergence(mu, logvar).sum(1))},
    )


@torch.inference_mode()
def measure_neg_elbo(
    model: Vae, pixels: np.ndarray, scores: Scores, generator: torch.Generator, device: str
) -> np.ndarray:
    """-ELBO per image (B,) in nats, with one draw of z from the posteriors of the scores."""
    z = sample_posterior(scores.mu, scores.column("logvar"), generator).to(device)
    nll = model.nll(model.decode_logits(z), to_unit(pixels).to(device))
    neg_elbo: np.ndarray = nll.cpu().numpy() + scores.column("kl")
    return neg_elbo
