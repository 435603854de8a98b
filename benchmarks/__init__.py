"""Benchmarks, each a script that writes its figures to benchmarks/results."""
