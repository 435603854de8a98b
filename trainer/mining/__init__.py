"""Choice of training triplets, one way a file."""
