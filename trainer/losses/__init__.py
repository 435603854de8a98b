"""Losses over pairs and triplets of artists, one a file."""
