"""A quantised linear autoencoder without a codebook: the code of a patch is the signs of a few numbers."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn

from tests.families.patch_codes.config import PatchCodesConfig
from vae_core.layers.image_shape import require_shape
from vae_core.ranks import ALONE, Ranks

SIGN = 0.5
"""What stands for a sign: about as large as the numbers that it is taken of."""


class Quantised(NamedTuple):
    """One pass: mean images, vectors (B, 4, 4, d) before and after, and the indices (B, 4, 4) between them."""

    mean: torch.Tensor
    before: torch.Tensor
    after: torch.Tensor
    indices: torch.Tensor


class PatchCodes(nn.Module):
    """Patches of an image -> vectors -> their signs -> the image."""

    variant = "patch_codes"
    ENCODER = ("encoder",)

    def __init__(self, config: PatchCodesConfig) -> None:
        super().__init__()
        self.config = config
        rows, columns = config.grid
        self.latent_dim = rows * columns * config.bits
        self.encoder = nn.Linear(math.prod(config.shape) // (rows * columns), config.bits)
        self.decoder = nn.Linear(self.latent_dim, math.prod(config.shape))
        self.ranks: Ranks = ALONE

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        require_shape(x, self.config.shape)
        (channels, height, width), (rows, columns) = self.config.shape, self.config.grid
        cut = (x - 0.3).view(len(x), channels, rows, height // rows, columns, width // columns)
        return self.encoder(cut.permute(0, 2, 4, 1, 3, 5).flatten(3)).float()

    def index(self, before: torch.Tensor) -> torch.Tensor:
        weights = 2 ** torch.arange(self.config.bits, device=before.device)
        return ((before > 0).long() * weights).sum(3)

    def look_up(self, indices: torch.Tensor) -> torch.Tensor:
        bits = (indices[..., None] >> torch.arange(self.config.bits, device=indices.device)) & 1
        return (2 * bits - 1) * SIGN

    def decode(self, after: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.decoder(after.flatten(1)).float()).view(-1, *self.config.shape)

    def decode_codes(self, indices: torch.Tensor) -> torch.Tensor:
        return self.decode(self.look_up(indices))

    def watched_loss(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        del generator
        return (self.decode_codes(self.index(self.encode(x))) - x).square().sum((1, 2, 3))

    def forward(self, x: torch.Tensor) -> Quantised:
        before = self.encode(x)
        indices = self.index(before)
        after = self.look_up(indices)
        return Quantised(self.decode(before + (after - before).detach()), before, after, indices)
