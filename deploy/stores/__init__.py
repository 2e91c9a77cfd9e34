"""One neighbour a file; every durable write passes a registered fault point."""
