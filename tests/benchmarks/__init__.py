"""Tests of the benchmark suites."""
