"""Which snapshot takes the place of weights in doubt."""

import pytest

from tests.vae_core.synthetic_images import TINY
from vae_core.families.build import build_model
from vae_core.training.checkpoints.snapshots import Snapshot, take_snapshot
from vae_core.training.recovery.fallback import choose_fallback, restore_snapshot


def snapshot(step: int, kl: float, beta: float = 1.0) -> Snapshot:
    return Snapshot(step, kl, beta, {})


def test_the_highest_kl_that_passes_is_chosen_and_no_more_are_asked():
    asked = []

    def passes(each):
        asked.append(each.step)
        return each.step != 20

    candidates = [snapshot(10, 40.0, beta=0.5), snapshot(20, 18.0), snapshot(30, 15.0), snapshot(40, 12.0)]
    assert choose_fallback(candidates, 1.0, passes).step == 30
    assert asked == [20, 30]  # the highest KL of all is that of a lower beta, and is never asked


def test_where_none_passes_there_is_none_and_of_equals_the_later_is_chosen():
    candidates = [snapshot(10, 5.0), snapshot(20, 5.0)]
    assert choose_fallback(candidates, 1.0, lambda _: True).step == 20
    assert choose_fallback(candidates, 1.0, lambda _: False) is None
    assert choose_fallback([], 1.0, lambda _: True) is None


def test_weights_of_another_model_are_refused():
    kept = take_snapshot(build_model(TINY), 60, 5.0, 1.0)
    with pytest.raises(ValueError, match="tensor"):
        restore_snapshot(build_model(TINY.model_copy(update={"latent_dim": 5})), kept)
