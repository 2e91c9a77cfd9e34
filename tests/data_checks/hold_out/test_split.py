from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from data_checks.errors import SplitImpossible
from data_checks.hold_out.split import Split, WindowSplit, split_by_source, split_window

names = st.text(st.characters(codec="utf-8"), max_size=6)
sources = st.dictionaries(names, st.integers(0, 200), min_size=1, max_size=30)
even_sources = st.dictionaries(names, st.integers(1, 5), min_size=20, max_size=40)
TEN = {f"shop-{number}": 100 for number in range(10)}


def split(counts: dict[str, int], minimum: int = 20, share: float = 0.5, salt: str = "v1") -> Split | None:
    try:
        return split_by_source(counts, holdout_min=minimum, holdout_share=share, salt=salt)
    except SplitImpossible:
        return None


@given(sources, st.integers(1, 300), st.floats(0.01, 0.99), st.text(max_size=3))
def test_every_source_is_on_one_side_and_the_holdout_keeps_its_bounds(
    counts: dict[str, int], minimum: int, share: float, salt: str
) -> None:
    found = split(counts, minimum, share, salt)
    assume(found is not None)
    assert found is not None
    assert found.holdout_sources | found.training_sources == set(counts)
    assert not found.holdout_sources & found.training_sources
    assert found.holdout_images == sum(counts[source] for source in found.holdout_sources)
    assert found.holdout_images + found.training_images == sum(counts.values())
    assert minimum <= found.holdout_images <= share * sum(counts.values())


@given(sources, st.randoms())
def test_the_order_in_which_sources_are_given_changes_nothing(counts: dict[str, int], random: object) -> None:
    shuffled = dict(sorted(counts.items(), key=lambda item: (item[1], item[0]), reverse=True))
    assert split(counts) == split(shuffled)


@given(even_sources, names, st.integers(1, 5))
def test_an_added_source_moves_no_other_from_training_into_the_holdout(
    counts: dict[str, int], added: str, images: int
) -> None:
    # At least 20 images, and 10 or more are wanted: with at most 5 a source none is passed over at 70 %.
    assume(added not in counts)
    before, after = split(counts, 10, 0.7), split(counts | {added: images}, 10, 0.7)
    assert before is not None and after is not None
    assert after.holdout_sources <= before.holdout_sources | {added}
    assert len(before.holdout_sources - after.holdout_sources) <= images


def test_the_choice_is_the_same_on_every_machine_and_another_with_another_salt() -> None:
    chosen = split_by_source(TEN, holdout_min=150, holdout_share=0.3, salt="benchmark_old")
    assert chosen.holdout_sources == {"shop-7", "shop-9"}
    assert chosen.holdout_images == 200
    others = {split(TEN, 150, 0.3, f"salt-{number}") for number in range(20)}
    assert len(others) > 5


def test_a_source_that_is_too_large_for_the_share_is_passed_over() -> None:
    found = split_by_source({"whale": 10_000, **TEN}, holdout_min=100, holdout_share=0.1, salt="")
    assert "whale" in found.training_sources and "whale" not in found.holdout_sources


def test_a_source_without_images_trains() -> None:
    assert (
        "empty" in split_by_source({"empty": 0, **TEN}, holdout_min=900, holdout_share=0.95, salt="").training_sources
    )


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, "expected a hold-out of 100 to 0 images (50.0% of 0) in whole sources, came 0 from 0 sources"),
        (
            {"only": 5000},
            "expected a hold-out of 100 to 2500 images (50.0% of 5000) in whole sources, came 0 from 1",
        ),
        (
            {"a": 40, "b": 40, "c": 40},
            "came 40 from 3 sources of 40 to 40 images: add images or smaller sources",
        ),
    ],
)
def test_too_few_or_too_large_sources_are_a_clear_error(counts: dict[str, int], message: str) -> None:
    with pytest.raises(SplitImpossible) as caught:
        split_by_source(counts, holdout_min=100, holdout_share=0.5, salt="")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("counts", "minimum", "share", "message"),
    [
        (TEN, 0, 0.5, "holdout_min is at least 1 image, came 0"),
        (TEN, 10, 1.0, "holdout_share is between 0 and 1, came 1.0"),
        (TEN, 10, 0.0, "holdout_share is between 0 and 1, came 0.0"),
        ({"a": -1}, 10, 0.5, "negative one for ['a']"),
    ],
)
def test_senseless_arguments_are_refused(counts: dict[str, int], minimum: int, share: float, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        split_by_source(counts, holdout_min=minimum, holdout_share=share, salt="")
    assert message in str(caught.value)


def window_split(
    sources: list[str], captured: list[int], new: list[bool], share: float = 0.25, salt: str = "v1", least: int = 1
) -> WindowSplit:
    return split_window(sources, np.array(captured, np.int64), np.array(new, bool), share=share, salt=salt, least=least)


def shops(count: int, each: int) -> list[str]:
    return [f"shop-{number}" for number in range(count) for _ in range(each)]


def test_traffic_of_one_source_is_split_by_time_and_the_newest_is_held_out() -> None:
    captured = np.random.default_rng(0).permutation(400).tolist()
    found = window_split(["http"] * 400, captured, [False] * 400)
    assert not found.sources
    assert sorted(captured[row] for row in found.holdout) == list(range(300, 400))
    assert found.holdout.tolist() == sorted(found.holdout.tolist())


def test_of_a_new_kind_the_share_is_held_out_at_most_whatever_the_mix() -> None:
    """700 new images in 4,000 leave at least 500, and the hold-out has the window's natural mix."""
    new = np.random.default_rng(1).random(4_000) < 0.175
    found = window_split(["http"] * 4_000, list(range(4_000)), new.tolist())
    held = int(new[found.holdout].sum())
    assert 0.24 * new.sum() < held <= 0.25 * new.sum()
    assert 0.15 < held / len(found.holdout) < 0.20


def test_images_of_one_moment_stay_together() -> None:
    captured = [row // 16 for row in range(400)]
    found = window_split(["http"] * 400, captured, [False] * 400)
    held = {captured[row] for row in found.holdout}
    assert held == set(range(19, 25)), "96 images: a seventh request would be more than a quarter"
    assert len(found.holdout) == 96


def test_from_four_sources_on_whole_ones_are_held_out() -> None:
    sources = shops(12, 50)
    found = window_split(sources, list(range(600)), [False] * 600)
    assert {sources[row] for row in found.holdout} == found.sources
    assert len(found.holdout) == 50 * len(found.sources) == 150


def test_another_salt_holds_out_other_sources() -> None:
    chosen = {window_split(shops(12, 50), list(range(600)), [False] * 600, salt=f"{n}").sources for n in range(20)}
    assert len(chosen) > 10


def test_whole_sources_that_are_too_small_a_hold_out_give_way_to_the_newest_images() -> None:
    sources, captured, new = shops(5, 120), list(range(600)), [False] * 600
    assert len(window_split(sources, captured, new).holdout) == 120
    found = window_split(sources, captured, new, least=150)
    assert not found.sources
    assert found.holdout.tolist() == list(range(450, 600))


def test_a_window_without_a_hold_out_of_the_least_size_is_a_clear_error_with_both_numbers() -> None:
    with pytest.raises(SplitImpossible, match=r"expected a hold-out of at least 500 images, came 100, the newest 25%"):
        window_split(["http"] * 400, list(range(400)), [False] * 400, least=500)


def test_a_new_kind_that_comes_from_one_source_alone_is_split_by_time() -> None:
    """Held out whole, it could not be learnt; in the training whole, it could not be measured."""
    sources = shops(4, 100)
    captured = np.random.default_rng(2).permutation(400).tolist()
    new = [source == "shop-2" for source in sources]
    found = window_split(sources, captured, new)
    assert not found.sources
    assert 0 < sum(new[row] for row in found.holdout) <= 25


def test_a_rare_new_kind_does_not_take_the_whole_window_along() -> None:
    """It came only long ago: the newest images hold none of it until most of the window would be held out."""
    new = [row < 40 for row in range(400)]
    with pytest.raises(SplitImpossible, match=r"expected the newest 25% of 40 images in whole moments"):
        window_split(["http"] * 400, list(range(400)), new)


@pytest.mark.parametrize(
    ("sources", "captured", "message"),
    [
        ([], [], "came 0: capture traffic first"),
        (["http"] * 50, [7] * 50, "came 50 images of 1 moments from 7 to 7 us"),
    ],
)
def test_a_window_that_cannot_be_split_is_a_clear_error(sources: list[str], captured: list[int], message: str) -> None:
    with pytest.raises(SplitImpossible) as caught:
        window_split(sources, captured, [False] * len(sources))
    assert message in str(caught.value)


@given(
    rows=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 50), st.booleans()), min_size=1, max_size=200),
    share=st.floats(0.05, 0.5),
)
def test_a_window_split_keeps_its_promises(rows: list[tuple[str, int, bool]], share: float) -> None:
    sources, captured, new = (list(column) for column in zip(*rows, strict=True))
    try:
        found = window_split(sources, captured, new, share)
    except SplitImpossible:
        return
    held = set(found.holdout.tolist())
    scarce = [row for row in range(len(rows)) if new[row]] or list(range(len(rows)))
    assert 0 < len(held & set(scarce)) <= share * len(scarce)
    assert len(held) <= 2 * share * len(rows)
    column: list[Any] = sources if found.sources else captured
    inside, outside = {column[row] for row in held}, {column[row] for row in range(len(rows)) if row not in held}
    assert not inside & outside, "neither a source nor a moment is on both sides"
    if not found.sources and outside:
        assert min(inside) > max(outside)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_window_needs_a_sensible_share(share: float) -> None:
    with pytest.raises(ValueError, match="share is between 0 and 1"):
        window_split(["a"], [1], [False], share)


def test_columns_of_a_window_have_one_length() -> None:
    with pytest.raises(ValueError, match=r"came 1, 2, 1"):
        split_window(["a"], np.zeros(2, np.int64), np.zeros(1, bool), share=0.5, salt="")
