"""A VAE whose decoder sees the pixels above and to the left, so that it can do without its codes."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.conv_vae.model import ConvVae, Reconstruction, reparameterize
from vae_core.layers.initialise import initialise

SIDE, BLOCK = 16, 4
CHANNELS = 12


class AutoregressiveConfig(ConvVaeConfig):
    """Of a decoder of so many masked convolutions."""

    layers: int = 12

    def smaller_decoder(self) -> AutoregressiveConfig | None:
        return self.model_copy(update={"layers": self.layers // 2}) if self.layers >= 4 else None


class MaskedConv(nn.Conv2d):
    """A convolution of kernel 3 that sees what comes before a pixel in raster order, and the pixel if it may."""

    def __init__(self, before: int, after: int, *, sees_itself: bool) -> None:
        super().__init__(before, after, kernel_size=3, padding=1)
        self.sees_itself = sees_itself

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = torch.ones_like(self.weight)
        mask[:, :, 1, 1 + self.sees_itself :] = 0
        mask[:, :, 2:] = 0
        return self._conv_forward(x, self.weight * mask, self.bias)


class AutoregressiveVae(ConvVae):
    """PixelCNN (van den Oord et al. 2016) over q(z|x): every layer is told the code, and may ignore it."""

    def __init__(self, config: AutoregressiveConfig) -> None:
        super().__init__(config)
        self.first = MaskedConv(config.channels, CHANNELS, sees_itself=False)
        self.decoder = nn.ModuleList(MaskedConv(CHANNELS, CHANNELS, sees_itself=True) for _ in range(config.layers - 1))
        self.from_code = nn.Linear(config.latent_dim, CHANNELS * (SIDE // BLOCK) ** 2)
        self.to_logits = nn.Conv2d(CHANNELS, config.channels, kernel_size=1)

    def forward(self, x: torch.Tensor, generator: torch.Generator, encoder_dropout: float = 0.0) -> Reconstruction:
        posterior = self.encode(x)
        z = reparameterize(posterior, generator)
        return Reconstruction(self.decode_given(z, x), posterior, z)

    def decode_given(self, z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Logits of every pixel from the code and the pixels of x before it."""
        told = self.from_code(z).view(-1, CHANNELS, SIDE // BLOCK, SIDE // BLOCK)
        told = nn.functional.interpolate(told, scale_factor=BLOCK)
        maps = self.first(x - 0.5) + told
        for layer in self.decoder:
            maps = maps + layer(torch.relu(maps))
        return self.to_logits(torch.relu(maps))


def build_autoregressive(config: AutoregressiveConfig, seed: int) -> AutoregressiveVae:
    with torch.device("meta"):
        model = AutoregressiveVae(config)
    model.to_empty(device="cpu")
    initialise(model, torch.Generator().manual_seed(seed))
    return model


def noisy_blocks(count: int, *, seed: int, flipped: float = 0.1) -> np.ndarray:
    """Uint8 (count, 1, 16, 16): 16 factors, each a black or white block of 4 x 4, and a share of flipped pixels."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 2, (count, 1, SIDE // BLOCK, SIDE // BLOCK))
    pixels = blocks.repeat(BLOCK, axis=2).repeat(BLOCK, axis=3)
    return ((pixels ^ (random.random(pixels.shape) < flipped)) * 255).astype(np.uint8)
