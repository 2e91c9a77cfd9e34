"""The VAE in closed form with codes wider than N(0, I), so that the two priors over them differ."""

from tests.vae_core.linear_vae import LinearVae

N = 700
"""Images that it is evaluated on."""

GAINS = (16.0, 16.0, 0.0)


def wide_model() -> LinearVae:
    """Two dimensions of five times the prior's width, and a third that is inactive."""
    return LinearVae(GAINS)
