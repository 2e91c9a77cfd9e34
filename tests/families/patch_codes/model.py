"""A quantised linear autoencoder whose codes are moved by gradients alone."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn

from tests.families.patch_codes.config import PatchCodesConfig
from vae_core.layers.image_shape import require_shape
from vae_core.ranks import ALONE, Ranks


class Quantised(NamedTuple):
    """One pass: mean images, vectors (B, 2, 2, d) before and after, and the indices (B, 2, 2) between them."""

    mean: torch.Tensor
    before: torch.Tensor
    after: torch.Tensor
    indices: torch.Tensor


class PatchCodes(nn.Module):
    """Quarters of an image -> vectors -> the nearest of K codes -> the image."""

    variant = "patch_codes"
    ENCODER = ("encoder",)

    def __init__(self, config: PatchCodesConfig) -> None:
        super().__init__()
        self.config = config
        self.latent_dim = 4 * config.depth
        quarter = math.prod(config.shape) // 4
        self.encoder = nn.Linear(quarter, config.depth)
        self.book = nn.Embedding(config.codes, config.depth)
        self.decoder = nn.Linear(4 * config.depth, math.prod(config.shape))
        self.ranks: Ranks = ALONE

    def to_empty(self, *, device, recurse=True):
        super().to_empty(device=device, recurse=recurse)
        # fixed directions of the size that the encoder's first vectors have: no generator of the run draws them
        drawn = torch.randn(self.book.weight.shape, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            self.book.weight.copy_(0.5 * drawn)
        return self

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        require_shape(x, self.config.shape)
        channels, height, width = self.config.shape
        quarters = x.view(len(x), channels, 2, height // 2, 2, width // 2).permute(0, 2, 4, 1, 3, 5).flatten(3)
        return self.encoder(quarters).float()

    def nearest(self, before: torch.Tensor) -> torch.Tensor:
        distances = torch.cdist(before.flatten(0, 2), self.book.weight.float())
        return distances.argmin(1).view(before.shape[:3])

    def decode(self, after: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.decoder(after.flatten(1)).float()).view(-1, *self.config.shape)

    def decode_codes(self, indices: torch.Tensor) -> torch.Tensor:
        return self.decode(self.book(indices))

    def watched_loss(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        del generator
        return (self.decode_codes(self.nearest(self.encode(x))) - x).square().sum((1, 2, 3))

    def forward(self, x: torch.Tensor) -> Quantised:
        before = self.encode(x)
        indices = self.nearest(before)
        after = self.book(indices)
        through = before + (after - before).detach()
        return Quantised(self.decode(through), before, after, indices)
