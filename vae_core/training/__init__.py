"""One training loop with its budget, monitor and checkpoints."""
