"""Keeps the processes of one installation up: proves who they are, hears whether they live, starts again what died."""
