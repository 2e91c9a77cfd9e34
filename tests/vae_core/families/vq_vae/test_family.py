"""What a VQ-VAE answers of its codes, for the gate."""

import pytest

from tests.tasks.card.test_model_card import VQ_RESULT
from vae_core.families.registry import family_of
from vae_core.families.units import UsedUnits
from vae_core.families.vq_vae.config import VqVaeConfig

FAMILY = family_of(VqVaeConfig())


@pytest.mark.parametrize(("tokens", "of"), [(400, 400), (9_800, 512)])
def test_codes_are_counted_of_the_codebook_or_of_the_tokens_where_those_are_fewer(tokens: int, of: int) -> None:
    result = VQ_RESULT.model_copy(update={"codes": 512, "codes_used": 200, "tokens": tokens})
    assert result.family is FAMILY
    assert FAMILY.used_units(result) == UsedUnits("codes_used", 200, of)


def test_a_result_of_an_older_release_has_codes_of_the_whole_codebook() -> None:
    old = VQ_RESULT.model_copy(update={"codes": 512, "codes_used": 200, "tokens": None})
    assert FAMILY.used_units(old) == UsedUnits("codes_used", 200, 512)
