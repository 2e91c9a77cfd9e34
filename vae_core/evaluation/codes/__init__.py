"""Codes, posteriors and how a decoder uses them."""
