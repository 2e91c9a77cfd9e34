import pytest
from pydantic import TypeAdapter, ValidationError

from tests.vae_core.synthetic_images import TINY, TINY_VQ
from vae_core.families.configs import ModelConfig, TrainableConfig
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.conv_vae.config import ConvVaeConfig

TRAINABLE, SERVED = TypeAdapter(TrainableConfig), TypeAdapter(ModelConfig)
AE = ConvAeConfig(network=TINY, code_penalty=0.5)


def test_it_is_the_baseline_of_a_vae_and_has_its_shape_code_and_likelihood():
    assert (AE.shape, AE.latent_dim, AE.likelihood) == ((1, 8, 8), 4, "bernoulli")
    assert ConvAeConfig().network == ConvVaeConfig() and ConvAeConfig().code_penalty == 0


@pytest.mark.parametrize("config", [AE, TINY, TINY_VQ], ids=lambda config: config.variant)
def test_every_config_that_can_be_trained_survives_json(config):
    document = TRAINABLE.dump_json(config)
    assert document == config.model_dump_json().encode() and TRAINABLE.validate_json(document) == config


@pytest.mark.parametrize("document", ["{}", '{"latent_dim":4}'])
def test_a_document_without_a_variant_is_of_the_first_one(document):
    assert TRAINABLE.validate_json(document) == ConvVaeConfig.model_validate_json(document)


def test_what_the_product_accepts_is_no_baseline():
    with pytest.raises(ValidationError, match="'conv_ae' .* 'conv_vae', 'vq_vae'"):
        SERVED.validate_json(AE.model_dump_json())


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
        TRAINABLE.validate_python({"variant": "conv_ae", **changes})
