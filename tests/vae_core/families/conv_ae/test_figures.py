"""The spread of an autoencoder's codes."""

import numpy as np
import pytest

from vae_core.families.conv_ae.figures import measure_code_spread


def test_a_code_that_never_moves_is_inactive() -> None:
    codes = np.array([[0.0, 5.0, 1.0], [1.0, 5.0, 1.1], [2.0, 5.0, 0.9]])
    found = measure_code_spread(codes)
    assert (found.active_units, found.inactive_dims) == (1, (1, 2))
    assert found.posterior_mean_per_dim == pytest.approx((1.0, 5.0, 1.0))
    assert found.mu_variance_per_dim == found.posterior_variance_per_dim == pytest.approx((2 / 3, 0.0, 0.02 / 3))
