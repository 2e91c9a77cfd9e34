import pytest
import torch
from pydantic import ValidationError

from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.weights import copy_weights, encoder_digest


def test_without_them_the_decoder_mirrors_the_encoder_bit_for_bit():
    mirrored = build_model(ConvVaeConfig(widths=(8, 16)), seed=3)
    told = build_model(ConvVaeConfig(widths=(8, 16), decoder_widths=(8, 16)), seed=3)
    one, other = copy_weights(mirrored), copy_weights(told)
    assert list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


def test_a_smaller_decoder_gives_images_of_the_same_size_under_an_encoder_of_the_same_shape():
    config = ConvVaeConfig(channels=3, height=16, width=24, widths=(8, 16), latent_dim=5)
    model, whole = build_model(config.smaller_decoder(), seed=3), build_model(config, seed=3)
    assert model.decode(torch.zeros(2, 5)).shape == (2, 3, 16, 24)
    decoders = [sum(each.numel() for each in some.decoder.parameters()) for some in (model, whole)]
    assert decoders[0] < 0.4 * decoders[1]
    assert encoder_digest(model) == encoder_digest(whole)  # drawn first, from the same numbers


def test_documents_of_older_releases_still_parse():
    document = '{"schema_version":1,"variant":"conv_vae","widths":[8,16]}'
    assert ConvVaeConfig.model_validate_json(document) == ConvVaeConfig(widths=(8, 16))


@pytest.mark.parametrize(
    ("widths", "problem"),
    [((8,), "decoder_widths must be 2, one for each of widths, came 1"), ((8, 0), "1 to 4096 channels, came 0")],
)
def test_widths_that_fit_no_decoder_are_refused(widths, problem):
    with pytest.raises(ValidationError, match=problem):
        ConvVaeConfig(widths=(8, 16), decoder_widths=widths)
