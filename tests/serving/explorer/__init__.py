"""Tests of `serving.explorer`."""
