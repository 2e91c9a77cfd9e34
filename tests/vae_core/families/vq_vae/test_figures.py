"""The use of a codebook, on a few grids by hand."""

import math

import numpy as np
import pytest

from vae_core.families.vq_vae.figures import measure_code_use


def test_codes_are_counted_over_all_places_of_all_images() -> None:
    codes = np.array([[[0, 0], [1, 1]], [[0, 0], [1, 3]]], np.int32)
    found = measure_code_use(codes, np.array([0.5, 1.5], np.float32), 8)
    assert (found.codes, found.tokens, found.codes_used) == (8, 8, 3)
    shares = np.array([4, 3, 1]) / 8
    assert found.code_perplexity == pytest.approx(math.exp(-(shares * np.log(shares)).sum()))
    assert found.code_distance == pytest.approx(1.0)
    assert found.code_distance_low < 1.0 < found.code_distance_high and found.likelihood is None
