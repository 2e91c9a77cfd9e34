"""The demo on somebody's own pictures."""
