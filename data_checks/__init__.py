"""Judges whether a batch is fit to train on, and whether the world has moved."""
