"""Tests of artist_sim, laid out as the code is."""
