"""Error and coverage of named groups, each beside its own name."""

import numpy as np
import pytest

from vae_core.evaluation.distances.density_coverage import GroupCoverage, SampleCoverage
from vae_core.evaluation.images.group_scores import number_groups, score_groups

GROUPS = np.repeat(["shirt", "bag", "boot"], [60, 10, 40])
ERRORS = np.where(GROUPS == "boot", 2.0, 1.0) + np.linspace(-0.1, 0.1, 110)


def covered(*groups: GroupCoverage) -> SampleCoverage:
    return SampleCoverage(1.0, 0.9, 1.0, 1.0, 5, 110, 200, groups)


def test_numbers_follow_the_order_of_the_names_so_that_coverage_finds_its_group() -> None:
    numbers = number_groups(GROUPS)
    assert {str(name): int(number) for name, number in zip(GROUPS, numbers, strict=True)} == {
        "bag": 0,
        "boot": 1,
        "shirt": 2,
    }
    found = score_groups(ERRORS, GROUPS, covered(GroupCoverage(2, 60, 0.25), GroupCoverage(1, 40, 0.75)))
    told = {each.group: each.coverage for each in found}
    assert told["bag"] is None, "no image of it is among those that coverage looked at"
    assert told["shirt"] is not None and (told["shirt"].value, told["shirt"].n) == (0.25, 60)
    assert told["boot"] is not None and told["boot"].low < told["boot"].value == 0.75 < told["boot"].high


def test_judged_groups_come_first_the_worst_before_the_others_and_few_images_have_no_interval() -> None:
    found = score_groups(ERRORS, GROUPS, None)
    assert [each.group for each in found] == ["boot", "shirt", "bag"]
    assert [each.low is None and each.high is None for each in found] == [False, False, True]
    assert all(each.coverage is None for each in found), "nothing was sampled"
    worst = found[0]
    assert worst.ratio == pytest.approx(ERRORS[GROUPS == "boot"].mean() / ERRORS.mean())


def test_a_share_of_one_group_among_more_is_known_less_surely() -> None:
    one, other = GroupCoverage(0, 50, 0.5), GroupCoverage(1, 50, 0.5)
    alone = score_groups(np.ones(50), ["a"] * 50, covered(one))[0].coverage
    among = score_groups(np.ones(100), ["a"] * 50 + ["b"] * 50, covered(one, other))[0].coverage
    assert alone is not None and among is not None and among.low < alone.low < alone.high < among.high


def test_where_no_image_has_an_error_no_group_is_worse_than_the_whole() -> None:
    assert [each.ratio for each in score_groups(np.zeros(80), ["a"] * 40 + ["b"] * 40, None)] == [None, None]
