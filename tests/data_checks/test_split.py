import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from data_checks.errors import SplitImpossible
from data_checks.split import Split, split_by_source

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
    assert not found.holds_out("whale")


def test_a_source_without_images_trains() -> None:
    assert not split_by_source({"empty": 0, **TEN}, holdout_min=900, holdout_share=0.95, salt="").holds_out("empty")


def test_asking_for_a_source_that_was_not_split_is_an_error_and_not_a_no() -> None:
    with pytest.raises(KeyError, match="'shop-77' was not part"):
        split_by_source(TEN, holdout_min=100, holdout_share=0.5, salt="").holds_out("shop-77")


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
