"""The images of each step of a training."""
