"""Kinds of images, found without labels."""
