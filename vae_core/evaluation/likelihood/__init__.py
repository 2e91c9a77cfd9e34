"""How probable images are under a model."""
