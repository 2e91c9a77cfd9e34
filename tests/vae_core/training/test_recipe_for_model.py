import pytest

from tests.vae_core.synthetic_images import TINY, TINY_VQ, recipe
from vae_core.training.recipes import recipe_for

ASKED = {"snapshots": 4, "mutual_information_every_steps": 100, "twin_share": 0.1}


def test_a_vae_of_which_all_is_trained_keeps_what_goes_by_its_kl():
    config = recipe(**ASKED)
    assert recipe_for(TINY, config) is config


@pytest.mark.parametrize(("model", "trains"), [(TINY_VQ, "all"), (TINY_VQ, "decoder"), (TINY, "decoder")])
def test_where_no_kl_moves_nothing_that_goes_by_it_is_asked_for(model, trains):
    assert recipe_for(model, recipe(trains=trains, **ASKED)) == recipe(trains=trains)
