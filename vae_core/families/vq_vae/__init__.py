"""The convolutional VQ-VAE: a grid of codes, and no posterior."""
