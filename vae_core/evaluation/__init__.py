"""Measurements of a trained VAE: reconstruction, latents, Fréchet distance, pictures."""
