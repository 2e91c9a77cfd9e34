"""The deterministic autoencoder: a baseline that is trained and measured, and never served."""
