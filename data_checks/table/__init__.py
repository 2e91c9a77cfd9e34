"""Great Expectations over the table of accepted images."""
