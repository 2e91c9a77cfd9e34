"""Every variant that this release can build, as types."""

from vae_core.models.conv_vae import ConvVae
from vae_core.models.protocol import Vae
from vae_core.models.vq_vae import VqVae

ImageModel = ConvVae | VqVae
"""What is trained and kept: `isinstance` tells which; what all of them have is asked of the union."""

AnyModel = Vae | VqVae
"""What is asked about images: anything with a Gaussian posterior, or with codes."""
