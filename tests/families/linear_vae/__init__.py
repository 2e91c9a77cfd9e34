"""A linear VAE: one matrix each way, and a column of its own."""
