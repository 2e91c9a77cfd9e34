"""The convolutional VAE: a Gaussian posterior over vectors."""
