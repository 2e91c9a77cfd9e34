"""An autoregressive prior over the codes of a VQ-VAE (van den Oord et al. 2017, section 3.3).

Codes drawn one by one without it are noise to the decoder: samples, and their Fréchet distance, need one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from vae_core.documents import parse_document, to_canonical_json
from vae_core.errors import ArtifactError, DataError
from vae_core.priors.code_prior_config import CodePriorConfig, Grid
from vae_core.priors.code_set import require_codes
from vae_core.priors.code_transformer import CodeTransformer, Dropout, initialise
from vae_core.weights import copy_weights, require_weights

CONFIG = "config"
"""The tensor that holds the config's JSON: a prior's file says by itself what it is."""

CODES_AT_ONCE = 2**15
"""Codes in one pass of `log_prob` by default: 32,768 · K logits are 64 MB at K = 512."""


class CodePrior(nn.Module):
    """p(codes) = product over positions of p(code | codes before it in raster order)."""

    kind: Final = "code_transformer"

    def __init__(self, config: CodePriorConfig) -> None:
        super().__init__()
        self.config = config
        self.network = CodeTransformer(config)

    @property
    def device(self) -> torch.device:
        """Where the weights are, and samples come from."""
        return self.network.positions.device

    def logits(self, codes: torch.Tensor, dropout: Dropout | None = None) -> torch.Tensor:
        """Logits (N, h · w, K) float32 of codes (N, h, w) int64, each given the codes before it."""
        logits: torch.Tensor = self.network(codes.flatten(1), dropout)
        return logits.float()

    def neg_log_prob(self, codes: torch.Tensor, dropout: Dropout | None = None) -> torch.Tensor:
        """-log p (N,) in nats of codes (N, h, w) int64 on the prior's device, unchecked, in one pass."""
        logits = self.logits(codes, dropout)
        nats = F.cross_entropy(logits.flatten(0, 1), codes.flatten(), reduction="none")
        return nats.view(len(codes), -1).sum(1)

    def log_prob(self, codes: torch.Tensor | np.ndarray, *, batch: int | None = None) -> torch.Tensor:
        """Log p (N,) in nats of codes (N, h, w) of any integer type; higher is likelier.

        `batch` images are computed at once. DataError when the codes are none, or not of this grid and codebook.
        """
        values = require_codes("log_prob", codes, self.config).to(self.device)
        at_once = batch or max(1, CODES_AT_ONCE // self.config.positions)
        return torch.cat([-self.neg_log_prob(chunk) for chunk in torch.split(values, at_once)])

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator, *, batch: int = 512, temperature: float = 1.0) -> torch.Tensor:
        """Draw n ≥ 1 grids of codes: (n, h, w) int64 on the prior's device, `batch` at once.

        The generator may live on any device: its numbers are drawn at once, (n, h · w), so that equal states give
        equal codes whatever the batch, up to rounding. A temperature below 1 sharpens every step; only at 1 are
        the codes draws from p.
        """
        if n < 1 or batch < 1 or not 0 < temperature < float("inf"):
            raise DataError(
                f"sample: expected n and batch of at least 1 and a finite temperature above 0, came n {n}, "
                f"batch {batch}, temperature {temperature:g}; ask for some codes"
            )
        uniform = torch.rand(
            (n, self.config.positions), generator=generator, device=generator.device, dtype=torch.float64
        ).to(self.device)
        chunks = [self._sample_chunk(chunk, temperature) for chunk in torch.split(uniform, batch)]
        return torch.cat(chunks).view(n, *self.config.grid)

    def _sample_chunk(self, uniform: torch.Tensor, temperature: float) -> torch.Tensor:
        codes = torch.zeros(uniform.shape, dtype=torch.int64, device=uniform.device)
        cache = self.network.empty_cache(len(uniform))
        for position in range(codes.shape[1]):
            logits = self.network.step(codes, position, cache)
            codes[:, position] = draw_codes(logits / temperature, uniform[:, position])
        return codes

    def require_codes_of(self, grid: Grid, codebook_size: int) -> None:
        """ArtifactError unless the prior is over codes of this grid (h, w) and codebook."""
        own = (self.config.grid, self.config.codebook_size)
        if own != (grid, codebook_size):
            raise ArtifactError(
                f"prior: made for codes {own[0]} of {own[1]}, the model's are {grid} of {codebook_size}; "
                "fit the prior again"
            )

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """Name config and weights for a safetensors file."""
        text = np.frombuffer(to_canonical_json(self.config), dtype=np.uint8)
        return {CONFIG: torch.from_numpy(text.copy()), **copy_weights(self)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> CodePrior:
        """Rebuild a prior in eval mode on the CPU; ArtifactError when the tensors are no prior over codes."""
        weights = dict(tensors)
        text = weights.pop(CONFIG, None)
        if text is None or text.dtype != torch.uint8 or text.ndim != 1:
            raise ArtifactError(
                f"prior: expected the tensor {CONFIG!r} with the JSON of a prior over codes, "
                f"came {sorted(tensors)[:4]}; fit the prior again"
            )
        try:
            config = parse_document(CodePriorConfig, text.numpy().tobytes())
            prior = _outline(config)
            require_weights(prior, weights)
        except ValueError as error:
            raise ArtifactError(f"prior: {error}; fit the prior again") from error
        prior.to_empty(device="cpu")
        prior.load_state_dict(weights)
        return prior.eval()


def build_code_prior(config: CodePriorConfig, seed: int = 0) -> CodePrior:
    """Build a prior on the CPU with first weights drawn from a generator of this seed."""
    prior = _outline(config)
    prior.to_empty(device="cpu")
    initialise(prior.network, torch.Generator().manual_seed(seed))
    return prior


def draw_codes(logits: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Invert the distribution function of logits (B, K) at uniform (B,) float64 on [0, 1): codes (B,) int64."""
    # float64: a float32 sum over many codes misses some of the rare ones
    cumulative = torch.softmax(logits.double(), dim=1).cumsum(1)
    point = uniform[:, None] * cumulative[:, -1:]
    # from the right: a code of probability 0 is never drawn; the last point may be rounded onto the end
    return torch.searchsorted(cumulative, point, right=True).squeeze(1).clamp_(max=logits.shape[1] - 1)


def _outline(config: CodePriorConfig) -> CodePrior:
    """Build a prior without storage: constructors would draw from the global random state, and take memory."""
    with torch.device("meta"):
        return CodePrior(config)
