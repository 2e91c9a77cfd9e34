"""Every variant that this release can build, as types."""

from typing import Protocol, overload

from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.conv_ae.model import ConvAe
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.conv_vae.model import ConvVae
from vae_core.families.conv_vae.protocol import Vae
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.model import VqVae

ServedModel = ConvVae | VqVae
"""What versions hold and the product serves."""

ImageModel = ServedModel | ConvAe
"""What can be trained, baselines included: what all of them have is asked of the union, all else of the family."""

AnyModel = Vae | VqVae
"""What is asked about images: anything with a Gaussian posterior, or with codes."""

MeasuredModel = AnyModel | ConvAe
"""What is evaluated: a baseline too."""

PosteriorModel = ConvVae
"""What has a Gaussian posterior."""

CodedModel = VqVae
"""What has a grid of codes."""

LikelihoodModel = ConvVae | ConvAe
"""What has one of our likelihoods, whose scale may be fitted anew."""


class VariantBuilder(Protocol):
    """From a config and a seed to a model of its family on the CPU with first weights."""

    @overload
    def __call__(self, config: ConvVaeConfig, seed: int = 0) -> ConvVae: ...
    @overload
    def __call__(self, config: VqVaeConfig, seed: int = 0) -> VqVae: ...
    @overload
    def __call__(self, config: ConvAeConfig, seed: int = 0) -> ConvAe: ...
