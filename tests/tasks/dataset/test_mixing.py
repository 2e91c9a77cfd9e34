"""The emergency tier's mix: how much is replayed, so that the new kind has its share at the allowed oversampling."""

from __future__ import annotations

import numpy as np
import pytest

from deploy.release import ServedVersion
from tasks.dataset.mixing import mark_new_kind, mix, most_replayed, natural_weights
from tasks.errors import NotEnoughData
from tasks.values import NewKindFound, RetrainPlan, WindowSelection
from tests.tasks.card.test_model_card import PLAN
from tests.tasks.opened import opened
from vae_core.training.data.mixing import MAX_OVERSAMPLING, MIN_NEW_SHARE


def _selection(*, window: int, found: int, held_new: int, held: int, purity: float) -> WindowSelection:
    new = [f"new-{row}" for row in range(found)]
    known = [f"known-{row}" for row in range(held - held_new)]
    return WindowSelection(
        catalogue_version=1,
        champion=ServedVersion(version="1", digest="d", artifact="a"),
        n=window,
        began=None,
        ended=None,
        holdout=(*new[:held_new], *known),
        new_kind=tuple(new),
        found=NewKindFound(n=found, share=found / window, share_low=0.1, purity=purity, error_ratio=2, clusters=3),
    )


def _plan(selection: WindowSelection) -> RetrainPlan:
    return PLAN.model_copy(update={"tier": "emergency", "found": selection.found})


@pytest.mark.parametrize("purity", [1.0, 0.8, 0.5])
@pytest.mark.parametrize("found", [689, 800, 2_000])
def test_beside_the_window_so_much_is_replayed_that_the_new_kind_has_its_share(found: int, purity: float) -> None:
    selection = _selection(window=4_000, found=found, held_new=found // 4, held=1_000, purity=purity)
    assert selection.found is not None
    window_rest, distinct = 4_000 - 1_000, found - found // 4
    images = window_rest + most_replayed(distinct, window_rest, selection.found)
    is_new = np.arange(images) < distinct

    mixture = mix(is_new, _plan(selection))

    assert mixture is not None
    assert mixture.oversampling <= MAX_OVERSAMPLING
    assert mixture.new_share * purity >= MIN_NEW_SHARE - 1e-9, "of what is drawn as new, `purity` truly is"
    assert mixture.weights[is_new].sum() / mixture.weights.sum() == pytest.approx(mixture.new_share)


def test_a_window_in_which_the_new_kind_is_rare_leaves_no_room_for_more_and_is_refused_beyond_its_share() -> None:
    selection = _selection(window=90_000, found=700, held_new=150, held=2_000, purity=0.9)
    assert selection.found is not None
    assert most_replayed(550, 88_000, selection.found) == 0
    with pytest.raises(NotEnoughData, match=r"^550 .* among 88,000 .* are 6\.2% of .*: expected at least 22\.2%; "):
        mix(np.arange(88_000) < 550, _plan(selection))


def test_so_few_of_the_new_kind_that_they_would_be_learnt_by_heart_are_refused_in_one_line() -> None:
    selection = _selection(window=4_000, found=800, held_new=200, held=1_000, purity=0.9)
    with pytest.raises(NotEnoughData, match=r"^499 images of the new kind .*: expected at least 500; "):
        mix(np.arange(3_000) < 499, _plan(selection))


def test_a_find_of_little_purity_leaves_the_old_kinds_half_of_what_is_drawn() -> None:
    selection = _selection(window=4_000, found=800, held_new=200, held=1_000, purity=0.1)
    mixture = mix(np.arange(5_000) < 600, _plan(selection))
    assert mixture is not None and mixture.new_share == pytest.approx(0.5)


def test_without_a_new_kind_all_images_weigh_the_same() -> None:
    assert mix(np.zeros(10, bool), PLAN) is None
    assert natural_weights(np.zeros(10, bool), PLAN).tolist() == [1.0] * 10


def test_the_prior_sees_the_new_kind_as_often_as_the_traffic_does() -> None:
    selection = _selection(window=4_000, found=800, held_new=200, held=1_000, purity=0.9)
    is_new = np.arange(20_000) < 600
    weights = natural_weights(is_new, _plan(selection))
    assert weights[is_new].sum() / weights.sum() == pytest.approx(0.2)


@pytest.mark.parametrize("moved", [1.0, 0.4, 0.0])
def test_a_window_that_is_new_as_a_whole_has_its_share_for_what_moved_and_replay_beside_it(moved: float) -> None:
    whole = NewKindFound(n=2_000, share=1.0, share_low=moved, purity=moved, error_ratio=1.4, clusters=0)
    images = 1_350 + most_replayed(1_350, 1_350, whole)
    is_new, plan = np.arange(images) < 1_350, PLAN.model_copy(update={"tier": "emergency", "found": whole})

    mixture = mix(is_new, plan)

    assert mixture is not None
    assert mixture.new_share == pytest.approx(min(0.5, MIN_NEW_SHARE / max(moved, MIN_NEW_SHARE)), rel=1e-3)
    assert mixture.oversampling <= MAX_OVERSAMPLING
    # what is replayed stands beside the still part of the window, each image for as much
    weights, still = natural_weights(is_new, plan), (1 - moved) * 1_350
    assert weights[~is_new].sum() == pytest.approx((1 - moved) * (images - 1_350) / (images - 1_350 + still))
    if moved == 0.0:
        assert weights == pytest.approx(np.full(images, 1 / images)), "nothing moved: all images are alike"


@pytest.mark.usefixtures("configure")
def test_rows_of_a_plan_without_a_window_are_not_marked() -> None:
    import pyarrow as pa

    assert mark_new_kind(opened(), pa.table({"digest": ["a", "b"]}), PLAN).tolist() == [False, False]
