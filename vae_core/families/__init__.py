"""The variants of the VAE: one folder a family, what every family answers, and where to ask for one."""
