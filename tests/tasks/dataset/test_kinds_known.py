"""The space of a version's reference is kept beside the version, for the network that it was measured by."""

from __future__ import annotations

import numpy as np
import pytest

from data_checks.kinds.kind_space import KindSpace
from tasks.dataset.kinds_known import keep_kinds, read_kinds
from tests.tasks.opened import opened
from tests.vae_core.linear_vae import PixelFeatures, draw_images

pytestmark = pytest.mark.usefixtures("configure")


class OtherFeatures(PixelFeatures):
    """The same numbers by another network."""

    digest = "0" * 64


def test_what_is_read_is_the_space_of_the_images_that_were_kept() -> None:
    pixels, extractor = draw_images(60), PixelFeatures()
    keep_kinds(opened(), "d" * 64, pixels, extractor)

    space = read_kinds(opened(), "d" * 64, extractor)

    assert space is not None
    expected = KindSpace.fit(extractor.extract(pixels))
    others = extractor.extract(draw_images(9, seed=1))
    np.testing.assert_array_equal(space.points, expected.points)
    np.testing.assert_array_equal(space.place(others), expected.place(others))


def test_a_version_that_kept_none_and_another_network_have_no_space() -> None:
    keep_kinds(opened(), "d" * 64, draw_images(60), PixelFeatures())
    assert read_kinds(opened(), "e" * 64, PixelFeatures()) is None
    assert read_kinds(opened(), "d" * 64, OtherFeatures()) is None
