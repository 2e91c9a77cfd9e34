"""Every model that can be named: which configs a version may hold, and which a training accepts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Tag

from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.vq_vae.config import VqVaeConfig


def _variant_of(value: object) -> str:
    """Read the variant of a config or of its document; documents that name none are of the first variant."""
    given = value.get("variant") if isinstance(value, dict) else getattr(value, "variant", None)
    return str(given or "conv_vae")


ModelConfig = Annotated[
    Annotated[ConvVaeConfig, Tag("conv_vae")] | Annotated[VqVaeConfig, Tag("vq_vae")], Discriminator(_variant_of)
]
"""Any model that can be built."""


def _kind_of(value: object) -> str:
    """Tell a baseline from what may be served, by a config or by its document."""
    given = value.get("variant") if isinstance(value, dict) else getattr(value, "variant", None)
    return "baseline" if given == "conv_ae" else "served"


TrainableConfig = Annotated[
    Annotated[ModelConfig, Tag("served")] | Annotated[ConvAeConfig, Tag("baseline")], Discriminator(_kind_of)
]
"""Any model that `train` accepts; settings, versions and plans accept a `ModelConfig` alone."""
