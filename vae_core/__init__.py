"""Models, losses, training and evaluation of image VAEs; no network, clock, environment or global seed."""
