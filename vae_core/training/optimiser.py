"""Adam over what moves, at one rate for the decoder and a multiple of it for the encoder."""

from __future__ import annotations

import torch

from vae_core.config import TrainConfig
from vae_core.families.variants import ImageModel

_FACTOR = "rate_factor"


def make_optimiser(model: ImageModel, config: TrainConfig) -> torch.optim.Adam:
    """Make a fused Adam of the parameters that require gradients: one group, or two where the rates differ."""
    moving = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if config.encoder_rate_factor == 1.0:
        groups = [{"params": list(moving.values()), _FACTOR: 1.0}]
    else:
        parts = tuple(f"{part}." for part in model.ENCODER)
        encoder = [parameter for name, parameter in moving.items() if name.startswith(parts)]
        others = [parameter for name, parameter in moving.items() if not name.startswith(parts)]
        groups = [{"params": encoder, _FACTOR: config.encoder_rate_factor}, {"params": others, _FACTOR: 1.0}]
    optimiser = torch.optim.Adam(groups, lr=config.learning_rate, fused=True)
    set_learning_rate(optimiser, config.learning_rate)
    return optimiser


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the decoder's rate, and with it the encoder's."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group[_FACTOR]
