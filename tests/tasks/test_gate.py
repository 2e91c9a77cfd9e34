"""What the gate is told of a first version."""

from deploy.delivery.gate import Standing
from tasks.gate import _standing
from tests.tasks.card.test_model_card import RESULT, VQ_RESULT
from vae_core.families.units import UsedUnits


def test_a_version_stands_by_the_units_of_its_family() -> None:
    assert RESULT.fd_samples is not None and VQ_RESULT.fd_samples is not None
    assert _standing(RESULT) == Standing(
        RESULT.explained_variance,
        UsedUnits("active_units", RESULT.active_units or 0, RESULT.latent_dim),
        RESULT.fd_samples.value / RESULT.fd_floor.value,
    )
    assert _standing(VQ_RESULT) == Standing(
        VQ_RESULT.explained_variance,
        UsedUnits("codes_used", 504, 512),
        VQ_RESULT.fd_samples.value / VQ_RESULT.fd_floor.value,
    )
