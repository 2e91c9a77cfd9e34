"""Versions hold what is served; a baseline is refused by its name."""

import pytest

from tests.vae_core.synthetic_images import TINY, tiny_vq_vae
from vae_core.errors import ArtifactError
from vae_core.families.build import build_model
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.served import require_served


def test_it_is_told_from_the_kinds_that_are_served():
    for model in (build_model(TINY), tiny_vq_vae()):
        assert require_served(model) is model
    with pytest.raises(ArtifactError, match="expected a conv_vae or a vq_vae, came conv_ae, a baseline"):
        require_served(build_model(ConvAeConfig(network=TINY)))
