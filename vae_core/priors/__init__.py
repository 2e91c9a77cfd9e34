"""Distributions over the latent code that samples are drawn from."""
