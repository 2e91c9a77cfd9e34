"""First weights, by the fans of each layer."""

import pytest
from torch import nn

from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig


def test_first_weights_are_glorot_uniform_and_biases_zero():
    model = build_model(ConvVaeConfig(height=8, width=8, widths=(64, 64), latent_dim=64))
    # fans by hand: a stride of 2 leaves a quarter of the nine taps to a pixel of the finer side
    fans = {
        "encoder.2": 64 * 9 + 64 * 9 / 4,
        "to_posterior": 256 + 128,
        "from_code.0": 64 + 256,
        "decoder.0": 64 * 9 / 4 + 64 * 9,
    }
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            assert module.bias.abs().max() == 0
        if name in fans:
            # the sd of a uniform variable's sd is below 1 / sqrt(n); n is 16,384 at least
            assert module.weight.std().item() == pytest.approx((2 / fans[name]) ** 0.5, rel=0.03)
            assert module.weight.abs().max().item() <= (6 / fans[name]) ** 0.5
