"""Families that a researcher might add, each in one folder, and their way through the whole loop."""
