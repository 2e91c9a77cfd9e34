"""What the benchmarks are measured against; none of it is needed by the product."""
