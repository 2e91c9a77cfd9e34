"""Draws from the posteriors q(z|x): what the decoder was trained on, and a sampling prior is fitted to."""

import numpy as np
import torch


def sample_posterior(mu: np.ndarray, logvar: np.ndarray, generator: torch.Generator) -> torch.Tensor:
    """Draw one code per image from its posterior N(mu, exp(logvar)).

    mu and logvar are (N, D) of any float type; the answer is (N, D) float32 on the CPU.
    """
    mean = torch.from_numpy(np.asarray(mu, dtype=np.float32))
    sd = torch.exp(0.5 * torch.from_numpy(np.asarray(logvar, dtype=np.float32)))
    return mean + sd * torch.randn(mean.shape, generator=generator, dtype=torch.float32)
