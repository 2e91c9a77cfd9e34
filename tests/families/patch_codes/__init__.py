"""A quantised linear autoencoder: four codes an image, moved by gradients alone."""
