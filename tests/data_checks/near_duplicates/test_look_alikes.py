"""Which images are copies of which, by their fingerprints."""

from __future__ import annotations

import numpy as np
import pytest

from data_checks.near_duplicates.fingerprint import take_fingerprints
from data_checks.near_duplicates.look_alikes import find_copies
from tests.data_checks.near_duplicates.copies import brightened, pictures, re_encoded, resized

WAYS = {
    "JPEG 75": lambda picture: re_encoded(picture, 75),
    "brighter": brightened,
    "half the size": lambda picture: resized(picture, 0.5),
    "twice the size": lambda picture: resized(picture, 2),
    "itself": lambda picture: picture,
}


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (64, 3)])
@pytest.mark.parametrize("way", list(WAYS))
def test_a_copy_is_found_and_names_its_original(way: str, size: int, channels: int) -> None:
    originals = pictures(60, size=size, channels=channels)
    copies = np.stack([WAYS[way](each) for each in originals])
    found = find_copies(take_fingerprints(originals), take_fingerprints(copies))
    assert found.tolist() == list(range(60))


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (64, 3)])
def test_another_picture_is_no_copy(size: int, channels: int) -> None:
    known, others = (
        pictures(200, seed=1, size=size, channels=channels),
        pictures(200, seed=2, size=size, channels=channels),
    )
    assert (find_copies(take_fingerprints(known), take_fingerprints(others)) == -1).all()


def test_the_same_shape_in_another_brightness_or_colour_is_no_copy() -> None:
    (picture,) = pictures(1, channels=3)
    darker, recoloured = (picture // 2).astype(np.uint8), picture[[1, 2, 0]]
    found = find_copies(take_fingerprints(picture[None]), take_fingerprints(np.stack([darker, recoloured])))
    assert found.tolist() == [-1, -1]


def test_a_search_in_blocks_finds_what_one_matrix_finds() -> None:
    originals = pictures(40)
    copies = np.stack([brightened(each) for each in originals[::-1]])
    found = find_copies(take_fingerprints(originals), take_fingerprints(copies), block=(7, 11))
    assert found.tolist() == list(range(39, -1, -1))


def test_of_no_image_there_is_no_copy() -> None:
    some, none = take_fingerprints(pictures(3)), take_fingerprints(pictures(0))
    assert find_copies(none, some).tolist() == [-1] * 3
    assert find_copies(some, none).tolist() == []
