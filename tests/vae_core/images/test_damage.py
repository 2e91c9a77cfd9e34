import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vae_core.synthetic_images import boxes
from vae_core.errors import DataError
from vae_core.images.damage import MIN_CORRELATION, damage_images

KINDS = ("noise", "blur", "blocks", "occlusion")


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel().astype(float), other.ravel().astype(float))[0, 1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_damaged_image_is_another_one_that_still_tells_of_the_sound_one(kind, channels):
    sound = boxes(60, size=28, channels=channels)
    damaged, kinds = damage_images(sound, np.random.default_rng(0), (kind,))
    assert damaged.shape == sound.shape and damaged.dtype == np.uint8 and set(kinds) == {kind}
    changed = [not np.array_equal(*pair) for pair in zip(sound, damaged, strict=True)]
    assert np.mean(changed) > 0.9
    assert min(correlation(*pair) for pair in zip(sound, damaged, strict=True)) >= MIN_CORRELATION


@given(st.integers(4, 40), st.integers(4, 40), st.integers(0, 3), st.integers(0, 99))
def test_no_image_comes_back_without_information(height, width, kind, seed):
    generator = np.random.default_rng(seed)
    sound = generator.integers(0, 256, (4, 1, height, width), dtype=np.uint8)
    damaged, _ = damage_images(sound, generator, (KINDS[kind],))
    for one, other in zip(sound, damaged, strict=True):
        assert other.std() > 0 and correlation(one, other) >= MIN_CORRELATION


def test_an_image_without_contrast_comes_back_as_it_was():
    flat = np.full((3, 1, 8, 8), 7, np.uint8)
    assert np.array_equal(damage_images(flat, np.random.default_rng(0))[0], flat)


def test_the_generator_names_the_damage_and_the_sound_images_stay():
    sound = boxes(20, size=16)
    kept = sound.copy()
    one, same, other = (damage_images(sound, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one[0], same[0]) and one[1] == same[1] and not np.array_equal(one[0], other[0])
    assert np.array_equal(sound, kept) and set(one[1]) == set(KINDS)


def test_what_cannot_be_damaged_is_named():
    with pytest.raises(DataError, match="expected uint8 images"):
        damage_images(boxes(2) / 255, np.random.default_rng(0))
    with pytest.raises(DataError, match=r"among noise, blur, blocks, occlusion, came \['fog'\]"):
        damage_images(boxes(2), np.random.default_rng(0), ("fog",))
    with pytest.raises(DataError, match="came none"):
        damage_images(boxes(2), np.random.default_rng(0), ())
