"""What the gate is told of a version's codes."""

from deploy.delivery.gate import UsedUnits
from tasks.gate import used_units
from tests.tasks.card.test_model_card import RESULT, VQ_RESULT


def test_a_vae_is_judged_by_its_active_units() -> None:
    assert used_units(RESULT) == UsedUnits("active_units", RESULT.active_units or 0, RESULT.latent_dim)


def test_codes_are_counted_of_the_codebook_or_of_the_tokens_where_those_are_fewer() -> None:
    few = VQ_RESULT.model_copy(update={"codes": 512, "codes_used": 200, "tokens": 400})
    assert used_units(few) == UsedUnits("codes_used", 200, 400)
    assert used_units(few.model_copy(update={"tokens": 9_800})) == UsedUnits("codes_used", 200, 512)


def test_a_result_of_an_older_release_has_codes_of_the_whole_codebook() -> None:
    old = VQ_RESULT.model_copy(update={"codes": 512, "codes_used": 200, "tokens": None})
    assert used_units(old) == UsedUnits("codes_used", 200, 512)
