"""What the benchmarks of DVM against others are made of."""
