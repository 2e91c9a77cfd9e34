"""Documents of configs: told apart by their variant, and a baseline is none that is served."""

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.vae_core.synthetic_images import TINY, TINY_VQ
from vae_core.families.configs import ModelConfig, TrainableConfig
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.conv_vae.config import ConvVaeConfig

TRAINABLE, SERVED = TypeAdapter(TrainableConfig), TypeAdapter(ModelConfig)
AE = ConvAeConfig(network=TINY, code_penalty=0.5)


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
