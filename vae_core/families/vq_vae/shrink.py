"""A codebook of the size that its codes are used for."""

from __future__ import annotations

import math

from vae_core.families.vq_vae.config import VqVaeConfig

SMALLEST_CODEBOOK = 16
"""Codes below which no codebook is shrunk."""


def smaller_codebook(config: VqVaeConfig, used: int) -> VqVaeConfig | None:
    """The same model with a codebook that `used` codes nearly fill, or None where that is none smaller.

    The power of two at or above, for FSQ the levels made fewer one by one, the largest first, while they leave as many.
    """
    needed = max(used, SMALLEST_CODEBOOK)
    if config.quantizer != "fsq":
        size = 2 ** math.ceil(math.log2(needed))
        return config.model_copy(update={"codebook_size": size}) if size < config.codebook_size else None
    levels = config.fsq_levels
    while (fewer := _one_less(levels)) and math.prod(fewer) >= needed:
        levels = fewer
    return config.model_copy(update={"fsq_levels": levels}) if levels != config.fsq_levels else None


def _one_less(levels: tuple[int, ...]) -> tuple[int, ...] | None:
    most = max(levels)
    place = levels.index(most)
    return None if most <= 2 else (*levels[:place], most - 1, *levels[place + 1 :])
