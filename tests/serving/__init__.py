"""What is asked of a pushed model."""
