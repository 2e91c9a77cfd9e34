"""How much of its code a model uses, in the units of its family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class UsedUnits:
    """How much of its code a version uses: active units of a VAE's dimensions, or codes of a VQ-VAE's codebook."""

    name: Literal["active_units", "codes_used"]
    used: int
    of: int


def active_units(active: int | None, latent_dim: int) -> UsedUnits:
    """Those of a code that is a vector."""
    assert active is not None, "a result of such a family tells them"
    return UsedUnits("active_units", active, latent_dim)
