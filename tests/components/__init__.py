"""Tests of the pipeline components."""
