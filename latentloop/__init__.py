"""The front door: command line, supervisor and demo; it may import every room and nobody imports it."""
