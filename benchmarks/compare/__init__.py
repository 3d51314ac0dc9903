"""`python -m benchmarks compare`: what Muniment reads, beside what other programs read."""
