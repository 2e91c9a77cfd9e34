"""How probable an image is under a decoder's output: three likelihoods, all in nats per image and at least float32.

Each reads the output as the logits of a mean image on [0, 1], so that reconstructions and `recon_error` mean the same
for all. What it holds beside them is in the model: a running variance as a buffer, learned scales as a parameter.
The Bernoulli NLL is of a (binarised) image, the logistic of one of 256 levels a pixel, the Gaussian a density, which
may be negative: never compare one with another.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import nn

from vae_core.families.conv_vae.config import LikelihoodName

FLOOR = math.exp(-12)
"""Of the Gaussian's variance: an sd of 0.6 of a grey level of 256 (log sigma ≥ -6, as in the paper's code)."""

RUNNING_DECAY = 0.95
"""Of the running variance: over 20 batches, of which it is the plain mean at first.

A relative error of 1 % costs D / 4 · 0.01² nats, 0.02 for 784 pixels; a longer memory lags behind a falling error.
"""

FIRST_LOG_SCALE = -3.0
"""Of the logistic: an sd of 0.09, about what a small decoder's errors end at, so that Adam has not far to go."""

SMALLEST_LOG_SCALE = -7.0
"""A quarter of a grey level of 256 (Salimans et al. 2017 bound theirs likewise): it never underflows."""

LEVELS = 255
HALF_LEVEL = 0.5 / LEVELS


def bernoulli_nll(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """-log p(x|z) per image (B,), in nats, summed over pixels; logits and x on [0, 1] are (B, C, H, W).

    Grey x stands for the expectation over its dynamic binarization, since the term is linear in x.
    """
    per_pixel = functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return per_pixel.flatten(1).sum(1)


def gaussian_nll(logits: torch.Tensor, x: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
    """-log N(x; sigmoid(logits), variance) per image (B,), nats; one variance () for all pixels and images."""
    squares = (torch.sigmoid(logits) - x).square().flatten(1)
    return 0.5 * (squares.sum(1) / variance + squares.shape[1] * torch.log(2 * math.pi * variance))


def logistic_nll(logits: torch.Tensor, x: torch.Tensor, log_scale: torch.Tensor) -> torch.Tensor:
    """-log P(x|z) per image (B,), nats, of pixels x = k / 255; log_scale (C, 1, 1) is that of each channel.

    The logistic with mean sigmoid(logits), integrated over each level's bin, the outer two up to infinity, so that
    the 256 levels add up to 1 (Kingma et al. 2016, section 5.2; Salimans et al. 2017, equation 2). With a > b the
    bin's ends, sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)): nothing cancels, and a - b is the
    same for every pixel of a channel.
    """
    scale = torch.exp(log_scale)
    distance = (x - torch.sigmoid(logits)) / scale
    half = HALF_LEVEL / scale
    log_width = torch.log(-torch.expm1(-2 * half))
    lowest, highest = x < HALF_LEVEL, x > 1 - HALF_LEVEL
    below_upper_end = functional.logsigmoid(distance + half).masked_fill(highest, 0.0)
    above_lower_end = functional.logsigmoid(half - distance).masked_fill(lowest, 0.0)
    within = log_width.expand_as(x).masked_fill(lowest | highest, 0.0)
    return -(below_upper_end + above_lower_end + within).flatten(1).sum(1)


class BernoulliLikelihood(nn.Module):
    """Holds nothing; for binary images, and grey ones by their expectation."""

    def reset(self) -> None:
        """Has nothing to begin with."""

    def fit_scale(self, logits: torch.Tensor, x: torch.Tensor) -> None:
        """Has no scale to fit to a batch."""

    def keep_scale(self, scale: torch.Tensor) -> None:
        """Never called: no scale was fitted."""

    def nll(self, logits: torch.Tensor, x: torch.Tensor, scale: torch.Tensor | None = None) -> torch.Tensor:
        """-log p(x|z) per image (B,), nats."""
        return bernoulli_nll(logits, x)


class GaussianLikelihood(nn.Module):
    """One variance for all pixels: in training the best one of each batch, afterwards the kept one (sigma-VAE).

    Rybkin, Daniilidis & Levine 2021, section 4.2: the variance that maximises the likelihood is the mean squared
    error. Its own derivative is zero there, so the gradient is that of the squared error over it, and detaching it
    changes nothing.
    """

    variance: torch.Tensor
    batches: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("variance", torch.ones(()))
        self.register_buffer("batches", torch.zeros(()))

    def reset(self) -> None:
        """Forget every batch; until one is kept, the variance is 1."""
        self.variance.fill_(1.0)
        self.batches.fill_(0.0)

    @torch.no_grad()
    def fit_scale(self, logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Find the variance () that is best for a batch."""
        return (torch.sigmoid(logits) - x).square().mean().clamp_min(FLOOR)

    @torch.no_grad()
    def keep_scale(self, scale: torch.Tensor) -> None:
        """Take a batch's variance () into the running one, without a transfer from the device."""
        self.batches.add_(1)
        self.variance.lerp_(scale, (1 / self.batches).clamp_min(1 - RUNNING_DECAY))

    @torch.no_grad()
    def set_variance(self, variance: float) -> None:
        """Take the variance that was fitted to whole images instead of the running one; never below the floor."""
        self.variance.fill_(max(variance, FLOOR))

    def nll(self, logits: torch.Tensor, x: torch.Tensor, scale: torch.Tensor | None = None) -> torch.Tensor:
        """-log p(x|z) per image (B,), nats: with this variance (), or else with the kept one."""
        return gaussian_nll(logits, x, self.variance if scale is None else scale)


class LogisticLikelihood(nn.Module):
    """256 levels a pixel, and for each channel a learned scale."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.full((channels, 1, 1), FIRST_LOG_SCALE))

    def reset(self) -> None:
        """Begin at the first scale."""
        nn.init.constant_(self.log_scale, FIRST_LOG_SCALE)

    def fit_scale(self, logits: torch.Tensor, x: torch.Tensor) -> None:
        """Has no scale to fit to a batch: the gradient moves it."""

    def keep_scale(self, scale: torch.Tensor) -> None:
        """Never called: no scale was fitted."""

    def nll(self, logits: torch.Tensor, x: torch.Tensor, scale: torch.Tensor | None = None) -> torch.Tensor:
        """-log P(x|z) per image (B,), nats."""
        # the bound holds for the value alone: a gradient that wants a wider scale must reach it from below
        bounded = self.log_scale + (self.log_scale.clamp_min(SMALLEST_LOG_SCALE) - self.log_scale).detach()
        return logistic_nll(logits, x, bounded)


Likelihood = BernoulliLikelihood | GaussianLikelihood | LogisticLikelihood


def make_likelihood(name: LikelihoodName, channels: int) -> Likelihood:
    """Make the likelihood of this name for images of so many channels."""
    if name == "bernoulli":
        return BernoulliLikelihood()
    return GaussianLikelihood() if name == "gaussian" else LogisticLikelihood(channels)
