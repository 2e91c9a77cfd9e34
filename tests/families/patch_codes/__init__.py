"""A quantised linear autoencoder: the signs of a few numbers are the code of a patch."""
