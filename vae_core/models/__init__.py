"""The variants of the VAE, one a file."""
