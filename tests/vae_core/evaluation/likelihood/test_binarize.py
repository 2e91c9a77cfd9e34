"""Draws of black and white from grey images."""

import numpy as np

from vae_core.evaluation.likelihood.binarize import binarize


def test_binarization_keeps_the_ends_and_is_a_coin_of_the_grey_value_between() -> None:
    grey = np.tile(np.array([0, 1, 51, 128, 254, 255], np.uint8), (40_000, 1))
    drawn = binarize(grey, np.random.default_rng(0))
    assert set(np.unique(drawn)) == {0, 255}
    assert (drawn[:, 0] == 0).all() and (drawn[:, 5] == 255).all()
    expected = np.array([0, 1, 51, 128, 254, 255]) / 255
    sd = np.sqrt(expected * (1 - expected) / 40_000)
    assert (np.abs((drawn == 255).mean(0) - expected) <= 4 * sd).all()
