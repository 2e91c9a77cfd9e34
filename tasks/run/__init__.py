"""A run from outside: finished steps, progress, curves, device."""
