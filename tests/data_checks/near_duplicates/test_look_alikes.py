from __future__ import annotations

import numpy as np
import pytest

from data_checks.near_duplicates.fingerprint import take_fingerprints
from data_checks.near_duplicates.groups import Groups
from data_checks.near_duplicates.limit import narrow_limits
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


def test_a_search_in_blocks_finds_what_one_matrix_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    originals = pictures(40)
    copies = np.stack([brightened(each) for each in originals[::-1]])
    monkeypatch.setattr("data_checks.near_duplicates.look_alikes.ROWS", 7)
    monkeypatch.setattr("data_checks.near_duplicates.look_alikes.COLUMNS", 11)
    found = find_copies(take_fingerprints(originals), take_fingerprints(copies))
    assert found.tolist() == list(range(39, -1, -1))


def test_of_no_image_there_is_no_copy() -> None:
    some, none = take_fingerprints(pictures(3)), take_fingerprints(pictures(0))
    assert find_copies(none, some).tolist() == [-1] * 3
    assert find_copies(some, none).tolist() == []


def test_a_group_holds_copies_of_copies_and_is_the_same_whoever_asks() -> None:
    originals = pictures(12)
    catalogue = np.stack([*originals, re_encoded(originals[2], 90), brightened(originals[2], 1.03), originals[4]])
    prints = take_fingerprints(catalogue)
    for asked in ([2], [13], [0, 12]):
        names = Groups(prints).of(np.array(asked))
        assert len({names[row] for row in (2, 12, 13)}) == 1
        assert len({names[row] for row in range(12)}) == 12
    names = Groups(prints).of(np.arange(15))
    assert names[4] == names[14] and len(set(names.tolist())) == 12


def test_where_most_images_look_alike_only_the_closest_are_copies() -> None:
    """A belt: one part in one pose, each with a little of its own."""
    part, own = pictures(1)[0].astype(int), np.random.default_rng(3).normal(0, 4, (300, 1, 7, 7))
    belt = np.clip(part + own.repeat(4, axis=2).repeat(4, axis=3), 0, 255).astype(np.uint8)
    belt[299] = re_encoded(belt[0], 95)
    prints = take_fingerprints(belt)
    narrowed = narrow_limits(prints)
    found = find_copies(prints.take(slice(0, 100)), prints.take(slice(100, 300)), narrowed)
    assert narrowed < 1
    assert found[-1] == 0 and (found[:-1] >= 0).mean() <= 0.05
    assert narrow_limits(take_fingerprints(pictures(300))) == 1
