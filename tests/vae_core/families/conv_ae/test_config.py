"""The config of an autoencoder: that of its baseline, and what it refuses."""

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.vae_core.synthetic_images import TINY
from vae_core.families.configs import TrainableConfig
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.conv_vae.config import ConvVaeConfig

AE = ConvAeConfig(network=TINY, code_penalty=0.5)


def test_it_is_the_baseline_of_a_vae_and_has_its_shape_code_and_likelihood():
    assert (AE.shape, AE.latent_dim, AE.likelihood) == ((1, 8, 8), 4, "bernoulli")
    assert ConvAeConfig().network == ConvVaeConfig() and ConvAeConfig().code_penalty == 0


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"latent_dim": 4}, "latent_dim"),
        ({"code_penalty": -1}, "code_penalty"),
        ({"network": {"widths": []}}, "widths and hidden are both empty"),
        ({"network": {"variant": "vq_vae"}}, "network.variant"),
    ],
)
def test_values_out_of_bounds_and_unknown_words_are_refused(changes, place):
    with pytest.raises(ValidationError, match=place):
        TypeAdapter(TrainableConfig).validate_python({"variant": "conv_ae", **changes})
