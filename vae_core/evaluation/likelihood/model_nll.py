"""-log p(x) of images under a VAE: what `importance_nll` needs of it, by its likelihood."""

from __future__ import annotations

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.evaluation.likelihood.binarize import binarize
from vae_core.evaluation.likelihood.importance_nll import ROWS_AT_ONCE, ImportanceNll, LogLikelihood, importance_nll
from vae_core.families.conv_vae.protocol import Posterior, Vae
from vae_core.images.preprocessing import to_unit
from vae_core.losses import bernoulli_nll

ENCODED_AT_ONCE = 512


def measure_nll(model: Vae, pixels: np.ndarray, *, k: int, seed: int, device: str = "cpu") -> ImportanceNll:
    """Estimate the NLL of grey images uint8 (N ≥ 2, C, H, W) under a model in eval mode on `device`, by its likelihood.

    A Bernoulli explains the images binarized once, by this seed; its encoder is shown the grey ones, as in training.
    """
    generator = torch.Generator(device).manual_seed(seed)
    if model.likelihood_name == "bernoulli":
        binary = binarize(pixels, np.random.default_rng(seed))
        return bernoulli_nll_of(model, binary, k=k, generator=generator, seen=pixels)
    x = to_unit(pixels)
    return importance_nll(
        x.to(device),
        _encode(model, x, generator.device),
        lambda z, some: -model.nll(model.decode_logits(z), some),
        k=k,
        generator=generator,
    )


def bernoulli_nll_of(
    model: Vae,
    binarized: np.ndarray,
    *,
    k: int,
    generator: torch.Generator,
    seen: np.ndarray | None = None,
    rows_at_once: int = ROWS_AT_ONCE,
    level: float = 0.95,
) -> ImportanceNll:
    """Estimate the NLL of images uint8 (N, C, H, W) of 0 and 255 under a model in eval mode, float32.

    `seen` are the pixels that the encoder is shown, the binarized ones by default: give the grey originals to a model
    that was trained on those. The generator lives on the model's device. DataError for grey `binarized`: only with one
    sample is the bound of a grey image an expectation over its binarizations.
    """
    if not bool(np.isin(binarized, (0, 255)).all()):
        raise DataError("importance nll: expected images of 0 and 255 alone, came grey ones; use binarize first")
    x, device = to_unit(binarized), generator.device
    return importance_nll(
        x.to(device),
        _encode(model, x if seen is None else to_unit(seen), device),
        bernoulli_log_px(model),
        k=k,
        generator=generator,
        rows_at_once=rows_at_once,
        level=level,
    )


def bernoulli_log_px(model: Vae) -> LogLikelihood:
    """The log p(x|z) of a model with a Bernoulli likelihood, for images of 0 and 1."""
    return lambda z, x: -bernoulli_nll(model.decode_logits(z), x)


@torch.no_grad()
def _encode(model: Vae, x: torch.Tensor, device: torch.device) -> Posterior:
    posteriors = [model.encode(some.to(device)) for some in torch.split(x, ENCODED_AT_ONCE)]
    return Posterior(torch.cat([each.mu for each in posteriors]), torch.cat([each.logvar for each in posteriors]))
