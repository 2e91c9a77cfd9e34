"""What a VAE answers of its units, for the gate."""

from tests.tasks.card.test_model_card import RESULT
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.registry import family_of
from vae_core.families.units import UsedUnits


def test_it_is_judged_by_its_active_units() -> None:
    family = family_of(ConvVaeConfig())
    assert RESULT.family is family
    assert family.used_units(RESULT) == UsedUnits("active_units", RESULT.active_units or 0, RESULT.latent_dim)
