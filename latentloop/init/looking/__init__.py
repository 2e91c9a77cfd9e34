"""A sample of somebody's pictures."""
