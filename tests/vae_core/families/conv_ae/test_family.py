"""What an autoencoder answers: nothing of a KL, of codes, or of a version."""

from tests.vae_core.synthetic_images import TINY
from vae_core.families.build import build_model
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.registry import family_of

CONFIG = ConvAeConfig(network=TINY)


def test_its_codes_are_points_and_its_likelihood_is_its_networks() -> None:
    family, model = family_of(CONFIG), build_model(CONFIG)
    assert not family.is_served and not family.has_kl and not family.columns
    assert family.with_posterior(model) is None and family.with_codes(model) is None
    assert family.with_likelihood(model) is model and family.likelihood_of(CONFIG) == TINY.likelihood
    assert family.find_sources(model, None) == ()
