"""How few images each use can do with."""

from __future__ import annotations

import pytest

from data_checks.errors import SplitImpossible
from data_checks.hold_out.whole_catalogue import Wanted
from data_checks.least_images import fewest_images


@pytest.mark.parametrize(("share", "at_most", "fewest"), [(0.2, 5_000, 250), (0.4, 5_000, 332), (0.4, 60, 260)])
def test_the_fewest_images_are_both_measured_and_trained_on(share: float, at_most: int, fewest: int) -> None:
    assert fewest_images(share, at_most) == fewest
    wanted = Wanted(images=at_most, share=share, salt="")
    held = wanted.of(fewest)
    assert held >= 50 and fewest - held >= 200
    with pytest.raises(
        SplitImpossible, match=rf"^{fewest - 1} images .* at least {fewest}, .*evaluation.holdout_share"
    ):
        wanted.of(fewest - 1)
