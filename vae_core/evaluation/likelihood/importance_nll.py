"""-log p(x) by importance samples from the posterior (Burda, Grosse & Salakhutdinov 2016, equation 8).

    -log p(x) ≤ -E log 1/k Σ w_i,   w_i = p(x|z_i) p(z_i) / q(z_i|x),   z_i ~ q(z|x)

k = 1 is the -ELBO; more samples only lower the bound in expectation, and it meets -log p(x) as k grows, the sooner the
better q(z|x) fits: watch the effective sample size. q may be any distribution, also one inferred from other pixels
than x (the grey image of a binarized one): the bound holds for each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from vae_core.errors import DataError, DivergenceError
from vae_core.evaluation.mean_estimate import MeanEstimate, estimate_mean
from vae_core.families.conv_vae.protocol import Posterior

LogLikelihood = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""log p(x|z) in nats, (M,), of codes z (M, D) and images x (M, C, H, W)."""

LogPrior = Callable[[torch.Tensor], torch.Tensor]
"""log p(z) in nats, (M,), of codes z (M, D)."""

ROWS_AT_ONCE = 1024
"""Decoded draws held at a time: 28 px images of them fill 3 MB, which stays near a core; a GPU wants 16 times more."""

IMAGES_AT_ONCE = 128
"""At most so many images share the rows, so that k is walked in long strides."""


@dataclass(frozen=True, slots=True, eq=False)
class ImportanceSums:
    """Per image, float64 on the CPU: log_px (N,), nats, and ess (N,), the effective sample size in [1, k].

    ess = (Σ w)² / Σ w² (Kong 1992): of k draws, so many count. Far below k, log_px is still a lower bound, and loose.
    """

    log_px: torch.Tensor
    ess: torch.Tensor
    k: int


@dataclass(frozen=True, slots=True)
class ImportanceNll:
    """-log p(x) of n images by k importance samples each, nats per image; lower is better.

    nll: an upper bound in expectation; its interval is that of the images. draws_standard_error: of the same mean, from
    the draws alone. ess_mean: effective sample size, of k. ess_share_min: of the worst image, on [1/k, 1]; near 1/k one
    draw decides and the proposal is bad there. ess_below_10: share of the images with fewer than ten effective draws.
    """

    nll: MeanEstimate
    k: int
    n: int
    draws_standard_error: float
    ess_mean: float
    ess_share_min: float
    ess_below_10: float


def log_standard_normal(z: torch.Tensor) -> torch.Tensor:
    """Log density of N(0, I) at z (..., D): (...) float64, nats."""
    return -0.5 * (z.double().square().sum(-1) + z.shape[-1] * math.log(2 * math.pi))


@torch.no_grad()
def sum_importance(
    x: torch.Tensor,
    posterior: Posterior,
    log_px: LogLikelihood,
    *,
    k: int,
    generator: torch.Generator,
    log_prior: LogPrior = log_standard_normal,
    rows_at_once: int = ROWS_AT_ONCE,
) -> ImportanceSums:
    """Estimate log p(x) of each image x (N, C, H, W) from k draws of its posterior (N, D), streamed over k.

    Memory does not grow with k. x, posterior and generator live on one device. Other `rows_at_once` are other draws.
    DataError for k < 1 or counts that differ; DivergenceError when a weight is NaN or +infinity.
    """
    _require_task(x, posterior, k)
    images_at_once = max(1, min(len(x), rows_at_once, IMAGES_AT_ONCE))
    draws_at_once = max(1, rows_at_once // images_at_once)
    log_sums, ess = [], []
    for start in range(0, len(x), images_at_once):
        rows = slice(start, start + images_at_once)
        some_x, some = x[rows], Posterior(posterior.mu[rows], posterior.logvar[rows])
        sums = _RunningSums(len(some_x), x.device)
        for drawn in range(0, k, draws_at_once):
            draws = min(draws_at_once, k - drawn)
            sums.add(_log_weights(some_x, some, log_px, log_prior, draws, generator))
        log_sums.append(sums.log_sum)
        ess.append(sums.effective_sample_size)
    log_likelihood = (torch.cat(log_sums) - math.log(k)).cpu()
    broken = int((~torch.isfinite(log_likelihood)).sum())
    if broken:
        raise DivergenceError(
            f"importance nll: {broken} of {len(x)} images have a likelihood of NaN, 0 or infinity; "
            "look at the decoder and its posterior"
        )
    return ImportanceSums(log_likelihood, torch.cat(ess).cpu(), k)


def importance_nll(
    x: torch.Tensor,
    posterior: Posterior,
    log_px: LogLikelihood,
    *,
    k: int,
    generator: torch.Generator,
    log_prior: LogPrior = log_standard_normal,
    rows_at_once: int = ROWS_AT_ONCE,
    level: float = 0.95,
) -> ImportanceNll:
    """Estimate the mean -log p(x) of n ≥ 2 images, see `sum_importance`."""
    sums = sum_importance(
        x, posterior, log_px, k=k, generator=generator, log_prior=log_prior, rows_at_once=rows_at_once
    )
    return summarise_nll(sums, level)


def summarise_nll(sums: ImportanceSums, level: float = 0.95) -> ImportanceNll:
    """Average over images; the log of a mean of k weights has, to first order, the variance 1/ess - 1/k."""
    k, n = sums.k, len(sums.log_px)
    draws_variance = (1 / sums.ess - 1 / k).clamp_min(0)
    return ImportanceNll(
        nll=estimate_mean(-sums.log_px, level),
        k=k,
        n=n,
        draws_standard_error=math.sqrt(float(draws_variance.sum())) / n,
        ess_mean=float(sums.ess.mean()),
        ess_share_min=float(sums.ess.min()) / k,
        ess_below_10=float((sums.ess < 10).double().mean()),
    )


class _RunningSums:
    """Σ w and Σ w² of every image, as logs about the largest weight so far; nothing overflows."""

    def __init__(self, images: int, device: torch.device) -> None:
        self._largest = torch.full((images,), -math.inf, dtype=torch.float64, device=device)
        self._first = torch.zeros_like(self._largest)
        self._second = torch.zeros_like(self._largest)

    def add(self, log_weights: torch.Tensor) -> None:
        """Take more log weights (images, draws)."""
        largest = torch.maximum(self._largest, log_weights.amax(1))
        # weights of 0 so far: shift by 0, -infinity minus itself is NaN
        shift = torch.where(torch.isinf(largest) & (largest < 0), torch.zeros_like(largest), largest)
        shrink, weights = torch.exp(self._largest - shift), torch.exp(log_weights - shift[:, None])
        self._first = self._first * shrink + weights.sum(1)
        self._second = self._second * shrink.square() + weights.square().sum(1)
        self._largest = largest

    @property
    def log_sum(self) -> torch.Tensor:
        """The log of Σ w (images,)."""
        return self._largest + torch.log(self._first)

    @property
    def effective_sample_size(self) -> torch.Tensor:
        """(Σ w)² / Σ w² (images,)."""
        return self._first.square() / self._second


def _log_weights(
    x: torch.Tensor,
    posterior: Posterior,
    log_px: LogLikelihood,
    log_prior: LogPrior,
    draws: int,
    generator: torch.Generator,
) -> torch.Tensor:
    """Log weights of `draws` fresh codes for each image: (N, draws) float64."""
    mu, logvar = (each[:, None] for each in posterior)
    noise = torch.randn((len(x), draws, mu.shape[-1]), generator=generator, device=x.device, dtype=mu.dtype)
    z = mu + torch.exp(0.5 * logvar) * noise
    log_q = log_standard_normal(noise) - 0.5 * logvar.double().sum(-1)
    repeated = x[:, None].expand(-1, draws, *x.shape[1:]).flatten(0, 1)
    log_joint = log_px(z.flatten(0, 1), repeated).double() + log_prior(z.flatten(0, 1)).double()
    return log_joint.view(len(x), draws) - log_q


def _require_task(x: torch.Tensor, posterior: Posterior, k: int) -> None:
    if k < 1:
        raise DataError(f"importance nll: expected at least 1 sample an image, came {k}; 100 to 5,000 are usual")
    if not len(x) == len(posterior.mu) == len(posterior.logvar) or len(x) == 0:
        raise DataError(
            f"importance nll: expected one posterior an image, came {len(x)} images and {len(posterior.mu)} "
            "posteriors; encode the same images"
        )
