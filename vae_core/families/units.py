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

    @property
    def unit(self) -> Literal["units", "codes"]:
        """What is counted, in one word."""
        return "units" if self.name == "active_units" else "codes"

    @property
    def count_as_share(self) -> bool:
        """Whether a smaller alphabet of which as much is used has lost nothing; a number of dimensions has."""
        return self.name == "codes_used"


def active_units(active: int | None, latent_dim: int) -> UsedUnits:
    """Those of a code that is a vector."""
    assert active is not None, "a result of such a family tells them"
    return UsedUnits("active_units", active, latent_dim)
