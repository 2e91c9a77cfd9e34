"""Reconstructions and samples: errors, groups, pictures."""
