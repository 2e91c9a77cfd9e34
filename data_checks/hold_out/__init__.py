"""Which images are held out for a benchmark."""
