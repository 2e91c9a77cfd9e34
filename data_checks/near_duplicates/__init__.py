"""Which images show the same picture: perceptual fingerprints, the search for look-alikes, groups of them."""
