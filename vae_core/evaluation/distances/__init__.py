"""Distances between sets of images, each with its interval."""
