"""The systems that artist_sim can train, judge and serve, one a file."""
