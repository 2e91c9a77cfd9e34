"""Scripts that measure; each writes one table of docs/benchmarks.md."""
